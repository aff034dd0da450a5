"""The stored accounts."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import true, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select

from auth_service.accounts.models import Credentials, User
from shared.database import Session

__all__ = ["AccountRepository", "CredentialsRepository"]


class AccountRepository:
    """Users and their password hashes, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def add(self, user: User, password_hash: str) -> bool:
        """Store an account; return False, and change nothing, when its address is taken."""
        added = await self._database.exec(
            insert(User)
            .values(**user.model_dump())
            .on_conflict_do_nothing(index_elements=[col(User.email_norm)])
            .returning(col(User.id))
        )
        if added.first() is None:
            return False
        await self._database.exec(
            insert(Credentials).values(
                user_id=user.id, hash=password_hash, changed_at=user.created_at, failed_attempts=0
            )
        )
        return True

    async def find(self, email_norm: str) -> tuple[User, Credentials] | None:
        """Return the user of this address and their credentials."""
        found = await self._database.exec(
            select(User, Credentials)
            .join(Credentials, col(Credentials.user_id) == col(User.id))
            .where(User.email_norm == email_norm)
        )
        return found.first()

    async def get(self, user_id: UUID) -> User | None:
        """Return the user of this id."""
        found = await self._database.exec(select(User).where(User.id == user_id))
        return found.first()

    async def lock(self, user_id: UUID) -> User | None:
        """Return the user of this id, and keep them as they are until the transaction ends."""
        found = await self._database.exec(
            select(User)
            .where(User.id == user_id)
            .with_for_update(key_share=True)
            # As they are now, not as this transaction may have read them before.
            .execution_options(populate_existing=True)
        )
        return found.first()

    async def lock_as_read(self, user_id: UUID, token_version: int) -> User | None:
        """Lock the user as `lock` does; None when they are not active, or not of this version any more."""
        user = await self.lock(user_id)
        return user if user is not None and user.status == "active" and user.token_version == token_version else None

    async def lock_by_address(self, email_norm: str) -> User | None:
        """Return the user of this address, and keep them as they are until the transaction ends."""
        found = await self._database.exec(
            select(User).where(User.email_norm == email_norm).with_for_update(key_share=True)
        )
        return found.first()

    async def now(self) -> datetime:
        """Return the time by the one clock that all replicas share."""
        found = await self._database.exec(select(func.clock_timestamp()))
        now: datetime = found.one()
        return now

    async def note_login(self, user_id: UUID, token_version: int) -> User | None:
        """Remember that the user logs in now, and keep them as they are until the transaction ends.

        None, and nothing remembered, when they are not active or not of this version any more. The update waits for
        whoever holds the row, and then looks at it anew.
        """
        noted = await self._database.exec(
            update(User)
            .where(col(User.id) == user_id, col(User.token_version) == token_version, col(User.status) == "active")
            .values(last_login_at=func.clock_timestamp())
            .returning(User)
            .execution_options(populate_existing=True)
        )
        return noted.scalars().one_or_none()

    async def rename(self, user_id: UUID, name: str | None) -> User | None:
        """Give the user another name and return them; None when they are not active any more."""
        now = func.clock_timestamp()
        renamed = await self._database.exec(
            update(User)
            .where(col(User.id) == user_id, col(User.status) == "active")
            .values(name=name, updated_at=now)
            .returning(User)
            .execution_options(populate_existing=True)
        )
        return renamed.scalars().one_or_none()

    async def raise_version(self, user_id: UUID) -> int:
        """Lock the user and count their token version up; return the new one."""
        raised = await self._database.exec(
            update(User)
            .where(col(User.id) == user_id)
            .values(token_version=User.token_version + 1)
            .returning(col(User.token_version))
        )
        version: int = raised.scalar_one()
        return version

    async def mark_verified(self, user_id: UUID) -> None:
        """Remember that the user reads their address, since now if that is new."""
        now = func.clock_timestamp()
        await self._database.exec(
            update(User)
            .where(col(User.id) == user_id)
            .values(email_verified_at=func.coalesce(User.email_verified_at, now), updated_at=now)
        )


class CredentialsRepository:
    """Password hashes, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def keep(self, user_id: UUID, verified_hash: str, new_hash: str, *, forgets_failures: bool) -> bool:
        """Store the hash, at today's cost, of a password that was right; False when it was changed meanwhile.

        The user is locked.
        """
        failures = 0 if forgets_failures else col(Credentials.failed_attempts)
        return await self._update(user_id, verified_hash, {"hash": new_hash, "failed_attempts": failures})

    async def change(self, user_id: UUID, new_hash: str, *, verified_hash: str | None = None) -> bool:
        """Store another password's hash; False when the one that was verified was changed meanwhile."""
        values = {"hash": new_hash, "changed_at": func.clock_timestamp(), "failed_attempts": 0}
        return await self._update(user_id, verified_hash, values)

    async def count_failure(self, user_id: UUID) -> int:
        """Count a wrong password; return how many there were in a row, 0 when nobody has this id."""
        counted = await self._database.exec(
            update(Credentials)
            .where(col(Credentials.user_id) == user_id)
            .values(failed_attempts=col(Credentials.failed_attempts) + 1)
            .returning(col(Credentials.failed_attempts))
            .execution_options(synchronize_session=False)
        )
        return counted.scalar_one_or_none() or 0

    async def _update(self, user_id: UUID, verified_hash: str | None, values: Mapping[str, object]) -> bool:
        is_same = true() if verified_hash is None else col(Credentials.hash) == verified_hash
        updated = await self._database.exec(
            update(Credentials)
            .where(col(Credentials.user_id) == user_id, is_same)
            .values(**values)
            .returning(col(Credentials.user_id))
            .execution_options(synchronize_session=False)
        )
        return updated.first() is not None
