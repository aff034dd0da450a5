"""Logging in with a password."""

from typing import Annotated

from fastapi import Depends

from auth_service.accounts import Account, confirm_login
from auth_service.passwords.proof import PasswordProof, Proofs
from auth_service.sessions.schemas import Login
from shared.database import Session, SessionDep

__all__ = ["Logins", "PasswordLogin"]


class PasswordLogin:
    """Logs in, in one transaction."""

    def __init__(self, database: Session, passwords: PasswordProof) -> None:
        self._database = database
        self._passwords = passwords

    async def log_in(self, login: Login) -> Account | None:
        """Return the account that the password opens, locked; None, written down, when it opens none.

        Whatever the reason is, a refusal costs the same statements and one hash. Raises `Overloaded`.
        """
        checked = await self._passwords.check(login.email, login.password)
        account = None
        if checked.proven is not None:
            # A known device leaves alone what others have tried: its owner's logins give nobody more tries.
            account = await confirm_login(
                self._database, checked.proven, checked.new_hash, forgets_failures=not checked.is_known_device
            )
        if account is None:
            await self._passwords.note_failure(checked)
        else:
            self._passwords.note_success(login.email)
        return account


async def password_login(database: SessionDep, passwords: Proofs) -> PasswordLogin:
    """Return what logs in, in this request's transaction."""
    return PasswordLogin(database, passwords)


Logins = Annotated[PasswordLogin, Depends(password_login)]
"""Checks the password of a login."""
