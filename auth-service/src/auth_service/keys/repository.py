"""The stored signing keys."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import col, func, select

from auth_service.keys.models import KeyState, StoredKey
from shared.database import Session

__all__ = ["KeyRepository"]

ADVISORY_LOCK = 0x6B65_7973
"""Any number that every replica agrees on."""

# What was read before a turn is read anew in it.
OLDEST_FIRST = (
    select(StoredKey).order_by(col(StoredKey.created_at), col(StoredKey.kid)).execution_options(populate_existing=True)
)


class KeyRepository:
    """The signing keys, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def take_turn(self) -> datetime:
        """Let one process at a time go on, until its transaction ends; return when its turn began.

        Whoever changes a key takes a turn before it reads any. The time is PostgreSQL's: the processes' clocks differ.
        """
        await self._database.exec(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        began: datetime = (await self._database.exec(select(func.clock_timestamp()))).one()
        return began

    async def published(self) -> Sequence[StoredKey]:
        """Return every key that tokens may still be verified with, the oldest first."""
        found = await self._database.exec(OLDEST_FIRST.where(StoredKey.state != KeyState.RETIRED))
        return found.all()

    async def all(self) -> Sequence[StoredKey]:
        """Return every key there ever was, the oldest first."""
        return (await self._database.exec(OLDEST_FIRST)).all()

    async def store(self, key: StoredKey) -> None:
        """Store a new key, or the changes of one, before any other change.

        The order matters: at no moment may two keys be active.
        """
        self._database.add(key)
        await self._database.flush()
