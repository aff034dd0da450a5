"""The link that verifies the address of an account."""

from dataclasses import dataclass
from typing import ClassVar

from auth_service.accounts.registration.links import Shown
from auth_service.accounts.registration.repository import RegistrationRepository
from auth_service.accounts.repository import AccountRepository
from auth_service.accounts.service import Account, active_account, norm
from auth_service.audit import Audited, AuditLog
from auth_service.one_time import InvalidOrExpiredToken, OneTimeService, Use
from auth_service.passwords.proof import PasswordProof
from auth_service.sessions import live_caller
from shared.database import Session

__all__ = ["AddressLink", "AddressLinks"]


class AddressLinks:
    """The links of accounts that are not verified, in one transaction."""

    def __init__(self, database: Session, one_time: OneTimeService, passwords: PasswordProof, audit: AuditLog) -> None:
        self.database = database
        self.one_time = one_time
        self.passwords = passwords
        self.audit = audit

    async def find(self, token: str) -> "AddressLink | None":
        """Return the link of this token if it works, and its account is active."""
        found = await self.one_time.peek(token, Use.VERIFY_EMAIL)
        account = await active_account(self.database, found.user_id) if found else None
        return AddressLink(token, account, self) if account else None


@dataclass(frozen=True, slots=True)
class AddressLink:
    """The link of an account; its proofs are an access token and the password of this account."""

    token: str
    account: Account
    links: AddressLinks

    opens_session: ClassVar[bool] = False

    @property
    def email(self) -> str:
        """The address that it verifies."""
        return self.account.email

    async def is_proven_by(self, shown: Shown) -> bool:
        """Whether the account's owner is signed in where it is followed."""
        caller = await live_caller(shown.user, self.links.database) if shown.user else None
        return caller is not None and caller.account.id == self.account.id

    async def is_opened_by(self, password: str) -> bool:
        """Compare with the account's password, as a login does."""
        checked = await self.links.passwords.check(self.email, password)
        if checked.proven is not None and checked.user_id == self.account.id:
            return True
        await self.links.passwords.note_failure(checked)
        await self.links.one_time.count_failure(self.token, Use.VERIFY_EMAIL)
        return False

    async def redeem(self) -> Account:
        """Mark the address verified, unless the account has changed since it was read."""
        accounts = AccountRepository(self.links.database)
        user = await accounts.lock_as_read(self.account.id, self.account.token_version)
        is_same = user is not None and user.email == self.email
        if not is_same or await self.links.one_time.consume(self.token, Use.VERIFY_EMAIL) is None:
            raise InvalidOrExpiredToken
        await accounts.mark_verified(self.account.id)
        await RegistrationRepository(self.links.database).remove_all(norm(self.email))
        await self.links.audit.record(Audited.VERIFIED, self.account.id)
        return self.account
