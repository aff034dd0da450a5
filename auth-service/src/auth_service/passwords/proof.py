"""Whether somebody knows the password of an account: for logins, and for whatever else asks for it.

A module that features import by name: `auth_service.passwords` itself is imported by those that this one needs.
"""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response

from auth_service.accounts import KnownLogin, count_failure, find_login
from auth_service.audit import Audit, Audited, AuditLog
from auth_service.outbox import Mail, ask_for_mail
from auth_service.passwords.hashing import HasherDep, PasswordHasher
from auth_service.throttles import Limits, LimitsDep
from shared.database import Session
from shared.request_session import SessionDep

__all__ = ["Checked", "PasswordProof", "Proofs"]

MOST_FAILURES = 100
"""In a row, from devices that the owner has never used (NIST SP 800-63B section 3.2.2)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a password that was tried has shown.

    `proven` is the account that it opens or can restore, as it was read without a lock, and `new_hash` the hash to
    store from now on if the cost has changed since.
    """

    user_id: UUID | None
    is_known_device: bool
    proven: KnownLogin | None = None
    new_hash: str | None = None


class PasswordProof:
    """Checks passwords, in one transaction, after the try has been counted: by `count`, or beside other limits."""

    def __init__(self, database: Session, hasher: PasswordHasher, limits: Limits, audit: AuditLog) -> None:
        self._database = database
        self._hasher = hasher
        self._limits = limits
        self._audit = audit

    async def count(self, email: str) -> Response | None:
        """Count a try at the account's password; return the answer to give when it is one too many."""
        return await self._limits.count(password_of=email)

    async def check(self, email: str, password: str) -> Checked:
        """Return whether `password` opens the account of this address.

        A wrong password, an unknown address, a disabled account, and one that was guessed at too often for a device
        that it does not know: all cost the same statement and one hash, so that the time taken does not tell them
        apart. No lock is held while hashing. Raises `Overloaded`.
        """
        is_known_device = self._limits.knows_device(email)
        async with self._hasher.permit() as permit:
            known = await find_login(self._database, email)
            verified = await permit.verify(password, known.password_hash if known else None)
        if known is None:
            return Checked(None, is_known_device)
        is_locked = known.failed_attempts >= MOST_FAILURES and not is_known_device
        is_proven = verified.is_right and known.can_log_in and not is_locked
        return Checked(known.user_id, is_known_device, known if is_proven else None, verified.new_hash)

    def note_success(self, email: str) -> None:
        """Forget the tries that were counted on devices like this, once the transaction has committed."""
        self._limits.password_was_right(email)

    async def note_failure(self, checked: Checked) -> None:
        """Count and write down that the password opened nothing. The answer is to be returned, not raised."""
        if not checked.is_known_device:
            failures = await count_failure(self._database, checked.user_id)
            if failures == MOST_FAILURES:
                await ask_for_mail(self._database, Mail.GUESSING, user_id=checked.user_id)
        await self._audit.record(Audited.LOGIN_FAILED, checked.user_id)


async def password_proof(database: SessionDep, hasher: HasherDep, limits: LimitsDep, audit: Audit) -> PasswordProof:
    """Return what checks passwords, in this request's transaction."""
    return PasswordProof(database, hasher, limits, audit)


Proofs = Annotated[PasswordProof, Depends(password_proof)]
"""Checks passwords."""
