"""The stored accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select

from auth_service.accounts.models import Credentials, User
from shared.database import Session

__all__ = ["AccountRepository"]


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

    async def find(self, email_norm: str) -> tuple[User, str] | None:
        """Return the user of this address and their password hash."""
        found = await self._database.exec(
            select(User, Credentials.hash)
            .join(Credentials, col(Credentials.user_id) == col(User.id))
            .where(User.email_norm == email_norm)
        )
        return found.first()

    async def get(self, user_id: UUID) -> User | None:
        """Return the user of this id."""
        found = await self._database.exec(select(User).where(User.id == user_id))
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

    async def replace_hash(self, user_id: UUID, password_hash: str) -> None:
        """Store the same password's hash at today's cost."""
        await self._database.exec(
            update(Credentials).where(col(Credentials.user_id) == user_id).values(hash=password_hash)
        )
