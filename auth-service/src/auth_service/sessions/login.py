"""Logging in with a password."""

from typing import Annotated

from fastapi import Depends

from auth_service.accounts import Account, confirm_login, find_login
from auth_service.audit import Audit, Audited, AuditLog
from auth_service.passwords import HasherDep, PasswordHasher
from auth_service.sessions.schemas import Login
from shared.database import Session, SessionDep

__all__ = ["Logins", "PasswordLogin"]


class PasswordLogin:
    """Checks passwords, in one transaction."""

    def __init__(self, database: Session, hasher: PasswordHasher, audit: AuditLog) -> None:
        self._database = database
        self._hasher = hasher
        self._audit = audit

    async def log_in(self, login: Login) -> Account | None:
        """Return the account that the password opens, locked; None, written down, when it opens none.

        A wrong password, an unknown address and a disabled account cost the same statements and one hash, so that the
        time taken does not tell them apart. No lock is held while hashing. Raises `Overloaded`.
        """
        async with self._hasher.permit() as permit:
            known = await find_login(self._database, login.email)
            verified = await permit.verify(login.password, known.password_hash if known else None)
        account = None
        if known is not None and known.is_active and verified.is_right:
            account = await confirm_login(self._database, known, verified.new_hash)
        if account is None:
            await self._audit.record(Audited.LOGIN_FAILED, known.user_id if known else None)
        return account


async def password_login(database: SessionDep, hasher: HasherDep, audit: Audit) -> PasswordLogin:
    """Return what checks passwords, in this request's transaction."""
    return PasswordLogin(database, hasher, audit)


Logins = Annotated[PasswordLogin, Depends(password_login)]
"""Checks the password of a login."""
