"""The rules of accounts: found by their address, usable while they are active."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from uuid import UUID

from auth_service.accounts.models import User
from auth_service.accounts.repository import AccountRepository, CredentialsRepository
from shared.database import Session

__all__ = [
    "Account",
    "KnownLogin",
    "active_account",
    "confirm_login",
    "end_tokens",
    "find_login",
    "lock_account",
    "norm",
    "open_account",
    "opens",
    "rename_account",
]


@dataclass(frozen=True, slots=True)
class Account:
    """An account that is active, as it stands in this transaction."""

    id: UUID
    email: str
    email_verified: bool
    name: str | None
    token_version: int
    created_at: datetime
    last_login_at: datetime | None

    @classmethod
    def of(cls, user: User) -> Self:
        """Return what other features may know of `user`."""
        return cls(
            id=user.id,
            email=user.email,
            email_verified=user.email_verified_at is not None,
            name=user.name,
            token_version=user.token_version,
            created_at=user.created_at,
            last_login_at=user.last_login_at,
        )


@dataclass(frozen=True, slots=True)
class KnownLogin:
    """What a login is checked against. Reading it takes no lock, so it may be out of date when the hash is done."""

    user_id: UUID
    password_hash: str
    can_log_in: bool
    is_deleting: bool
    """Its owner has deleted it and can still come back."""
    token_version: int
    failed_attempts: int


async def find_login(database: Session, email: str) -> KnownLogin | None:
    """Return what a login with this address is checked against, None when nobody has it, or has it for good."""
    found = await AccountRepository(database).find(norm(email))
    if found is None or _is_over(found[0]):
        return None
    user, credentials = found
    return KnownLogin(
        user_id=user.id,
        password_hash=credentials.hash,
        can_log_in=opens(user),
        is_deleting=user.status == "deleting",
        token_version=user.token_version,
        failed_attempts=credentials.failed_attempts,
    )


async def confirm_login(
    database: Session, known: KnownLogin, new_hash: str | None, *, forgets_failures: bool
) -> Account | None:
    """Lock the account for what a login does next; None when it was ended or changed while the hash was verified.

    `new_hash`, if given, replaces the stored one.
    """
    user = await AccountRepository(database).note_login(known.user_id, known.token_version)
    # A changed password leaves the version as it is when other sessions go on, so the hash is compared too.
    is_same = user is not None and await CredentialsRepository(database).keep(
        user.id, known.password_hash, new_hash or known.password_hash, forgets_failures=forgets_failures
    )
    return Account.of(user) if user is not None and is_same else None


async def active_account(database: Session, user_id: UUID) -> Account | None:
    """Return the account of this id if it is active."""
    user = await AccountRepository(database).get(user_id)
    return Account.of(user) if user is not None and user.status == "active" else None


async def open_account(database: Session, user_id: UUID) -> Account | None:
    """Return the account of this id if its owner can log in, be it to take its deletion back."""
    user = await AccountRepository(database).get(user_id)
    return Account.of(user) if user is not None and opens(user) else None


async def rename_account(database: Session, account: Account, name: str | None) -> Account | None:
    """Give the account another name and return it; None when it is not active any more. The same one is no write."""
    if name == account.name:
        return account
    user = await AccountRepository(database).rename(account.id, name)
    return Account.of(user) if user is not None else None


async def lock_account(database: Session, user_id: UUID) -> None:
    """Keep the account as it is until the transaction ends. Who locks sessions too locks it before them."""
    await AccountRepository(database).lock(user_id)


async def end_tokens(database: Session, user_id: UUID) -> int:
    """Lock the account and end its access tokens: return the version that the next ones will have."""
    return await AccountRepository(database).raise_version(user_id)


def opens(user: User) -> bool:
    """Whether a login opens the account: it is active, or its owner has deleted it and can still come back."""
    return user.status in {"active", "deleting"} and not _is_over(user)


def _is_over(user: User) -> bool:
    """Whether it is too late to come back. Where that matters, the database's clock decides once more."""
    return user.purge_after is not None and user.purge_after <= datetime.now(UTC)


def norm(email: str) -> str:
    """Return what two spellings of one address have in common. Its domain is in IDNA already."""
    return email.lower()
