"""Logging in with a password."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.accounts import Account, confirm_login
from auth_service.accounts.deletion import restore_account
from auth_service.audit import Audit, Audited, AuditLog
from auth_service.passwords.proof import PasswordProof, Proofs
from auth_service.sessions.errors import EmailNotVerified
from auth_service.sessions.schemas import Login
from shared.database import Session
from shared.request_session import SessionDep

__all__ = ["Logins", "PasswordLogin"]


class PasswordLogin:
    """Logs in, in one transaction."""

    def __init__(self, database: Session, passwords: PasswordProof, audit: AuditLog, *, verifies_first: bool) -> None:
        self._database = database
        self._passwords = passwords
        self._audit = audit
        self._verifies_first = verifies_first

    async def log_in(self, login: Login) -> Account | None:
        """Return the account that the password opens, locked; None, written down, when it opens none.

        An account in its grace days is restored. Whatever the reason is, a refusal costs the same statements and one
        hash. Raises `Overloaded`.
        """
        checked = await self._passwords.check(login.email, login.password)
        account = None
        if checked.proven is not None:
            if checked.proven.is_deleting:
                await restore_account(self._database, self._audit, checked.proven.user_id)
            # A known device leaves alone what others have tried: its owner's logins give nobody more tries.
            account = await confirm_login(
                self._database, checked.proven, checked.new_hash, forgets_failures=not checked.is_known_device
            )
        if account is None:
            await self._passwords.note_failure(checked)
        else:
            self._passwords.note_success(login.email)
        return account

    async def must_verify(self, account: Account) -> bool:
        """Whether the address has to be verified before the account opens, which is then written down.

        Only an account from a time without EMAIL_VERIFICATION=required has not been. The answer is to be returned.
        """
        if not self._verifies_first or account.email_verified:
            return False
        await self._audit.record(Audited.LOGIN_FAILED, account.id, reason=EmailNotVerified.code)
        return True


async def password_login(request: Request, database: SessionDep, passwords: Proofs, audit: Audit) -> PasswordLogin:
    """Return what logs in, in this request's transaction."""
    return PasswordLogin(database, passwords, audit, verifies_first=request.app.state.settings.verifies_first)


Logins = Annotated[PasswordLogin, Depends(password_login)]
"""Checks the password of a login."""
