"""How passwords are replaced, and what wrong ones count. Their hashes are made and verified elsewhere."""

from uuid import UUID

from auth_service.accounts.repository import AccountRepository, CredentialsRepository
from auth_service.accounts.service import Account, KnownLogin, opens
from shared.database import Session

__all__ = ["count_failure", "keep_password", "replace_password", "reset_password"]

NOBODY = UUID(int=0)


async def count_failure(database: Session, user_id: UUID | None) -> int:
    """Count a wrong password of this user; return how many there were in a row.

    For nobody the same statement is sent, so that its time does not tell who has an account.
    """
    return await CredentialsRepository(database).count_failure(user_id or NOBODY)


async def keep_password(database: Session, known: KnownLogin, new_hash: str | None, *, forgets_failures: bool) -> bool:
    """Lock the account whose password was right; False when it was ended or changed while that was verified.

    `new_hash`, if given, replaces the stored one.
    """
    if await AccountRepository(database).lock_as_read(known.user_id, known.token_version) is None:
        return False
    kept = new_hash or known.password_hash
    credentials = CredentialsRepository(database)
    return await credentials.keep(known.user_id, known.password_hash, kept, forgets_failures=forgets_failures)


async def replace_password(database: Session, known: KnownLogin, new_hash: str) -> bool:
    """Lock the account and store another hash; False when it was ended or changed while the old one was verified."""
    if await AccountRepository(database).lock_as_read(known.user_id, known.token_version) is None:
        return False
    return await CredentialsRepository(database).change(known.user_id, new_hash, verified_hash=known.password_hash)


async def reset_password(database: Session, account: Account, new_hash: str) -> bool:
    """Store another hash for somebody who has shown that they read the account's address; it is locked.

    False when no login opens it any more, or it has another address by now.
    """
    accounts = AccountRepository(database)
    user = await accounts.lock(account.id)
    if user is None or not opens(user) or user.email != account.email:
        return False
    await accounts.mark_verified(user.id)
    return await CredentialsRepository(database).change(user.id, new_hash)
