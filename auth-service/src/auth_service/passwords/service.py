"""Getting another password: by the present one, or by a link that was mailed.

Nothing is locked, and no connection held, while a request waits for a thread that hashes.
"""

from typing import Annotated

from fastapi import Depends, Response

from auth_service.accounts import Account, lock_account, open_account, replace_password, reset_password
from auth_service.one_time import InvalidOrExpiredToken, OneTime, OneTimeService, Use
from auth_service.passwords.aftermath import Aftermath, AftermathDep
from auth_service.passwords.hashing import HasherDep, PasswordHasher
from auth_service.passwords.proof import PasswordProof, Proofs
from auth_service.passwords.schemas import PasswordChange, PasswordReset
from auth_service.sessions import Caller
from shared.database import Session
from shared.request_session import SessionDep

__all__ = ["Changer", "PasswordChanger", "PasswordResetter", "Resetter"]


class PasswordChanger:
    """Changes the caller's password, in one transaction."""

    def __init__(
        self, database: Session, hasher: PasswordHasher, passwords: PasswordProof, aftermath: Aftermath
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._passwords = passwords
        self._aftermath = aftermath

    async def count(self, caller: Caller) -> Response | None:
        """Count the try, as a login's; return the answer to give when it is one too many."""
        # The caller was only read: neither Redis nor a thread is waited for with a connection in hand.
        await self._database.rollback()
        return await self._passwords.count(caller.account.email)

    async def change(self, caller: Caller, change: PasswordChange) -> bool:
        """Store the new password; False, written down, when the present one is another. To be returned, not raised.

        Raises `WeakPassword` and `Overloaded`.
        """
        account = caller.account
        new_hash = await self._hasher.hash_chosen(change.new_password, email=account.email, name=account.name)
        checked = await self._passwords.check(account.email, change.current_password)
        known = checked.proven
        if known is None or not await replace_password(self._database, known, new_hash):
            await self._passwords.note_failure(checked)
            return False
        await self._aftermath.of_change(caller, revoke_others=change.revoke_others)
        self._passwords.note_success(account.email)
        return True


class PasswordResetter:
    """Resets passwords, in one transaction."""

    def __init__(
        self, database: Session, hasher: PasswordHasher, one_time: OneTimeService, aftermath: Aftermath
    ) -> None:
        self._database = database
        self._hasher = hasher
        self._one_time = one_time
        self._aftermath = aftermath

    async def reset(self, reset: PasswordReset) -> Account:
        """Use the link up and store the new password; return whose it is now.

        Raises `InvalidOrExpiredToken`, `WeakPassword`, which leaves the link as it is, and `Overloaded`.
        """
        found = await self._one_time.peek(reset.token, Use.RESET_PASSWORD)
        account = await open_account(self._database, found.user_id) if found else None
        if account is None:
            raise InvalidOrExpiredToken
        await self._database.rollback()
        new_hash = await self._hasher.hash_chosen(reset.new_password, email=account.email, name=account.name)
        # The account before its token, as the worker does that makes one.
        await lock_account(self._database, account.id)
        used = await self._one_time.consume(reset.token, Use.RESET_PASSWORD)
        if used is None or not await reset_password(self._database, account, new_hash):
            raise InvalidOrExpiredToken
        await self._aftermath.of_reset(account.id)
        return account


async def password_changer(
    database: SessionDep, hasher: HasherDep, passwords: Proofs, aftermath: AftermathDep
) -> PasswordChanger:
    """Return what changes passwords, in this request's transaction."""
    return PasswordChanger(database, hasher, passwords, aftermath)


async def password_resetter(
    database: SessionDep, hasher: HasherDep, one_time: OneTime, aftermath: AftermathDep
) -> PasswordResetter:
    """Return what resets passwords, in this request's transaction."""
    return PasswordResetter(database, hasher, one_time, aftermath)


Changer = Annotated[PasswordChanger, Depends(password_changer)]
"""Changes the caller's password."""

Resetter = Annotated[PasswordResetter, Depends(password_resetter)]
"""Resets the password of whoever has the link."""
