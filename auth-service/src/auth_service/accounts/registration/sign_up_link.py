"""The link that turns a registration into an account."""

from dataclasses import dataclass
from typing import ClassVar

from auth_service.accounts.errors import EmailTaken
from auth_service.accounts.registration.links import Shown
from auth_service.accounts.registration.repository import RegistrationRepository, Waiting
from auth_service.accounts.registration.service import add_account
from auth_service.accounts.service import Account, norm
from auth_service.audit import Audited, AuditLog
from auth_service.one_time import InvalidOrExpiredToken
from auth_service.passwords import PasswordHasher
from shared.database import Session

__all__ = ["SignUpLink", "SignUpLinks"]


class SignUpLinks:
    """The links of those who wait, in one transaction."""

    def __init__(self, database: Session, hasher: PasswordHasher, audit: AuditLog) -> None:
        self.stored = RegistrationRepository(database)
        self.database = database
        self.hasher = hasher
        self.audit = audit

    async def find(self, token_hash: bytes) -> "SignUpLink | None":
        """Return the link of this token if it works."""
        waiting = await self.stored.find(token_hash)
        return SignUpLink(waiting, self) if waiting else None


@dataclass(frozen=True, slots=True)
class SignUpLink:
    """The link of somebody who waits; its proofs are the cookie of their browser and the password that they chose."""

    waiting: Waiting
    links: SignUpLinks

    opens_session: ClassVar[bool] = True

    @property
    def email(self) -> str:
        """The address that it verifies."""
        return self.waiting.email

    async def is_proven_by(self, shown: Shown) -> bool:
        """Whether it is followed in the browser that has registered."""
        return shown.cookie.presents(self.waiting.binding_hash)

    async def is_opened_by(self, password: str) -> bool:
        """Compare with the password of this registration."""
        async with self.links.hasher.permit() as permit:
            verified = await permit.verify(password, self.waiting.password_hash)
        if not verified.is_right:
            await self.links.stored.count_failure(self.waiting.id)
            await self.links.audit.record(Audited.LOGIN_FAILED)
        return verified.is_right

    async def redeem(self) -> Account:
        """Make the account, with what was registered by this link and no other."""
        email_norm = norm(self.email)
        await self.links.stored.wait_for_turn(email_norm)
        if self.waiting.id not in await self.links.stored.remove_all(email_norm):
            raise InvalidOrExpiredToken
        try:
            return await add_account(
                self.links.database,
                email=self.email,
                name=self.waiting.name,
                password_hash=self.waiting.password_hash,
                is_verified=True,
            )
        except EmailTaken:
            raise InvalidOrExpiredToken from None
