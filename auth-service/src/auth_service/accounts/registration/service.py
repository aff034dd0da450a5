"""The rules of registering: an account at once, or a registration that waits for its link."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.accounts.errors import EmailTaken
from auth_service.accounts.models import PendingRegistration, User
from auth_service.accounts.registration.repository import RegistrationRepository
from auth_service.accounts.registration.schemas import Registration
from auth_service.accounts.repository import AccountRepository
from auth_service.accounts.service import Account, norm
from auth_service.one_time import OneTimeTokens, Use
from auth_service.outbox import Mail, ask_for_mail
from auth_service.passwords import HasherDep, PasswordHasher
from shared.database import Session
from shared.ids import uuid7
from shared.request_session import SessionDep

__all__ = ["Registrar", "RegistrarDep", "add_account"]


async def add_account(
    database: Session, *, email: str, name: str | None, password_hash: str, is_verified: bool = False
) -> Account:
    """Store a new account, which has just logged in; raise `EmailTaken` when the address has one."""
    accounts = AccountRepository(database)
    now = await accounts.now()
    user = User(
        id=uuid7(),
        email=email,
        email_norm=norm(email),
        email_verified_at=now if is_verified else None,
        name=name,
        created_at=now,
        updated_at=now,
        last_login_at=now,
    )
    if not await accounts.add(user, password_hash):
        raise EmailTaken
    return Account.of(user)


class Registrar:
    """Takes registrations, in one transaction. `verifies_first`: an address is verified before it has an account."""

    def __init__(
        self, database: Session, hasher: PasswordHasher, tokens: OneTimeTokens, *, verifies_first: bool
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._tokens = tokens
        self.verifies_first = verifies_first

    async def create_account(self, registration: Registration) -> Account:
        """Store a new account, which has just logged in.

        Raises `EmailTaken` when the address has one, `WeakPassword` and `Overloaded`.
        """
        password_hash = await self._hash(registration)
        return await add_account(
            self._database, email=registration.email, name=registration.name, password_hash=password_hash
        )

    async def wait_for_link(self, registration: Registration, binding_hash: bytes | None) -> None:
        """Store a registration that its link turns into an account, and let the mail be written.

        `binding_hash` is that of the browser's cookie. Nobody is looked for: one hash and the same statements for
        every address, so that neither the answer nor its time tells whether it has an account.
        Raises `WeakPassword` and `Overloaded`.
        """
        password_hash = await self._hash(registration)
        stored, registration_id = RegistrationRepository(self._database), uuid7()
        email_norm = norm(registration.email)
        await stored.wait_for_turn(email_norm)
        now = await AccountRepository(self._database).now()
        waiting = PendingRegistration(
            id=registration_id,
            token_hash=self._tokens.digest(self._tokens.text(Use.SIGN_UP, registration_id)),
            email=registration.email,
            email_norm=email_norm,
            password_hash=password_hash,
            name=registration.name,
            binding_hash=binding_hash,
            created_at=now,
            expires_at=now + Use.SIGN_UP.lifetime,
        )
        await stored.add(waiting)
        mail = {"registration_id": str(registration_id), "email": registration.email}
        await ask_for_mail(self._database, Mail.SIGN_UP, mail)

    async def _hash(self, wanted: Registration) -> str:
        return await self._hasher.hash_chosen(wanted.password, email=wanted.email, name=wanted.name)


async def registrar(request: Request, database: SessionDep, hasher: HasherDep) -> Registrar:
    """Return what takes registrations, in this request's transaction."""
    state = request.app.state
    return Registrar(database, hasher, state.one_time_tokens, verifies_first=state.settings.verifies_first)


RegistrarDep = Annotated[Registrar, Depends(registrar)]
"""Takes registrations."""
