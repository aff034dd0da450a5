"""The stored signing keys."""

from collections.abc import Sequence

from sqlmodel import col, func, select

from auth_service.keys.models import StoredKey
from shared.database import Session

__all__ = ["KeyRepository"]

ADVISORY_LOCK = 0x6B65_7973
"""Any number that every replica agrees on."""


class KeyRepository:
    """The signing keys, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def wait_for_turn(self) -> None:
        """Let one replica at a time go on, until its transaction ends."""
        await self._database.exec(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))

    async def published(self) -> Sequence[StoredKey]:
        """Return every key that tokens may still be verified with, the oldest first."""
        found = await self._database.exec(
            select(StoredKey).where(StoredKey.state != "retired").order_by(col(StoredKey.created_at))
        )
        return found.all()

    async def add(self, key: StoredKey) -> None:
        """Store a new key."""
        self._database.add(key)
        await self._database.flush()
