"""Announcing due events on their Redis Streams."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT
from sqlalchemy import Row, Table, select, text, update
from sqlalchemy.sql.dml import ReturningUpdate

from shared.database import Sessions, transaction
from shared.lifespan import pause
from shared.outbox.table import IS_OPEN, OutboxColumns, State, core
from shared.redis import RedisClient, RedisUnavailable

__all__ = ["Relay"]

EVERY_SECONDS = 0.2
BATCH = 100
STREAM_LENGTH = 100_000
QUEUED_FOR = timedelta(minutes=5)


class Relay:
    """Announces due events on their streams: `{event_id, user_id, type}`, no payload, so no address enters Redis."""

    def __init__(self, sessions: Sessions, redis: RedisClient, table: type[OutboxColumns]) -> None:
        self._sessions = sessions
        self._redis = redis
        self._table = table

    async def run(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        """Relay every 200 ms until `stop`, calling `beat` each time. While Redis is away, the rows wait.

        Raises what `transaction` raises when the database is away.
        """
        while not stop.is_set():
            beat()
            if await self._relay_if_possible() < BATCH:
                await pause(stop, EVERY_SECONDS)

    async def relay_due(self) -> int:
        """Send the oldest due events, 100 at most, and return their number; raises `RedisUnavailable`, and none is."""
        async with transaction(self._sessions) as session:
            due = (await session.exec(_queue_due(core(self._table), datetime.now(UTC)))).all()
            if due:
                await self._redis.run(lambda client: _announce(client, due))
        return len(due)

    async def _relay_if_possible(self) -> int:
        if not self._redis.is_up:
            return 0
        try:
            return await self.relay_due()
        except RedisUnavailable:
            return 0


def _queue_due(outbox: Table, now: datetime) -> ReturningUpdate[str, UUID, str, str]:
    """Return the statement that marks due rows as sent and returns them: it counts only if the sending succeeds."""
    due = (
        select(outbox.c.user_id, outbox.c.event_id)
        .where(text(IS_OPEN), outbox.c.next_at <= now)
        .order_by(outbox.c.next_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        update(outbox)
        .prefix_with("/* sweep: outbox_relay */")
        .where(outbox.c.user_id == due.c.user_id, outbox.c.event_id == due.c.event_id)
        .values(state=State.QUEUED, next_at=now + QUEUED_FOR)
        .returning(outbox.c.stream, outbox.c.event_id, outbox.c.user_id, outbox.c.type)
    )


async def _announce(client: Redis, due: Sequence[Row[str, UUID, str, str]]) -> None:
    async with client.pipeline(transaction=False) as trip:
        for stream, event_id, user_id, event_type in due:
            entry: dict[FieldT, EncodableT] = {"event_id": str(event_id), "user_id": user_id, "type": event_type}
            trip.xadd(stream, entry, maxlen=STREAM_LENGTH, approximate=True)
        await trip.execute()
