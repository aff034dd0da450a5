"""The stored accounts that are to go. Of a restoration and a purge, whichever locks the user's row first decides."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, update
from sqlmodel import col, func, select

from auth_service.accounts.models import PendingRegistration, User
from shared.database import Session

__all__ = ["DeletionRepository", "Due"]


@dataclass(frozen=True, slots=True)
class Due:
    """An account whose grace days are over."""

    user_id: UUID
    email_norm: str


class DeletionRepository:
    """Accounts that are to go, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def mark(self, user_id: UUID, token_version: int, grace: timedelta) -> datetime | None:
        """Lock the user, and let the account go after `grace`; return when that is.

        None when it is not active, or not of this version any more.
        """
        now = func.clock_timestamp()
        marked = await self._database.exec(
            update(User)
            .where(col(User.id) == user_id, col(User.token_version) == token_version, col(User.status) == "active")
            .values(status="deleting", purge_after=now + grace, updated_at=now)
            .returning(col(User.purge_after))
        )
        purge_after: datetime | None = marked.scalar_one_or_none()
        return purge_after

    async def restore(self, user_id: UUID) -> bool:
        """Lock the user, and let the account stay; False when it is not to go, or its grace days are over."""
        now = func.clock_timestamp()
        restored = await self._database.exec(
            update(User)
            .where(col(User.id) == user_id, col(User.status) == "deleting", col(User.purge_after) > now)
            .values(status="active", purge_after=None, updated_at=now)
            .returning(col(User.id))
        )
        return restored.first() is not None

    async def take_due(self) -> Due | None:
        """Lock and return the account that is due longest, unless somebody else has hold of it."""
        found = await self._database.exec(
            select(User.id, User.email_norm)
            .where(col(User.purge_after) <= func.clock_timestamp(), User.status == "deleting")
            .order_by(col(User.purge_after))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = found.first()
        return Due(*row) if row else None

    async def remove(self, due: Due) -> None:
        """Delete the user with all that is theirs, and whatever waits for their address."""
        # What refers to the user goes with them: credentials, sessions, refresh tokens, links.
        await self._database.exec(delete(User).where(col(User.id) == due.user_id))
        await self._database.exec(
            delete(PendingRegistration).where(col(PendingRegistration.email_norm) == due.email_norm)
        )
