"""Removing what belongs to an account that has ended, and rows whose time is over."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Table, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from shared.database import Session
from todo_service.changes.models import STREAM_POSITIONS, USER_STREAMS

__all__ = ["AccountRepository", "PositionRepository", "owned_tables"]


def owned_tables() -> list[Table]:
    """Return every table of this service that has rows of users, apart from their counters.

    Each new one is found by its `user_id`, so that no feature is forgotten; its model must have been imported.
    """
    tables = USER_STREAMS.metadata.sorted_tables
    return [table for table in reversed(tables) if "user_id" in table.c and table is not USER_STREAMS]


class AccountRepository:
    """All rows of one user."""

    def __init__(self, session: Session, user_id: str) -> None:
        self._session = session
        self._user_id = user_id

    async def end(self, epoch: UUID, now: datetime) -> int:
        """Mark the account as ended, wherever it stood, and return the number of its latest change.

        This waits for the write that is under way; every later one finds the mark.
        """
        column = USER_STREAMS.c
        ended = {"epoch": epoch, "purged_at": now, "live_count": 0, "trash_count": 0}
        mark = (
            insert(USER_STREAMS)
            .values(user_id=self._user_id, **ended)
            .on_conflict_do_update(
                index_elements=[column.user_id],
                set_={**ended, "purged_at": func.coalesce(column.purged_at, now)},
            )
            .returning(column.seq)
        )
        seq: int = (await self._session.run(mark)).scalar_one()
        return seq

    async def remove_some(self, table: Table, limit: int) -> int:
        """Delete `limit` rows of `table` at most, and return how many there were."""
        mine, key = table.c.user_id == self._user_id, tuple_(*table.primary_key.columns)
        some = select(*table.primary_key.columns).where(mine).limit(limit)
        return (await self._session.run(delete(table).where(mine, key.in_(some)))).rowcount


class PositionRepository:
    """How far one stream of another service has been read. Whoever holds its row is the reader."""

    def __init__(self, session: Session, stream: str) -> None:
        self._session = session
        self._stream = stream

    async def hold(self) -> str:
        """Return the id of the last entry that was dealt with, "0-0" before the first; others wait for it."""
        column = STREAM_POSITIONS.c
        first = insert(STREAM_POSITIONS).values(stream=self._stream, last_id="0-0")
        await self._session.run(first.on_conflict_do_nothing())
        held = select(column.stream, column.last_id).where(column.stream == self._stream).with_for_update()
        last_id: str = (await self._session.run(held)).one().last_id
        return last_id

    async def move(self, last_id: str) -> None:
        """Say that the entry `last_id` has been dealt with."""
        moved = insert(STREAM_POSITIONS).values(stream=self._stream, last_id=last_id)
        await self._session.run(
            moved.on_conflict_do_update(index_elements=[STREAM_POSITIONS.c.stream], set_={"last_id": last_id})
        )
