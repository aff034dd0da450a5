"""Announcing due events on their Redis Streams."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT
from sqlalchemy import Table, case, select, text, update
from sqlalchemy.sql.dml import ReturningUpdate

from shared.database import Sessions, transaction
from shared.lifespan import pause
from shared.outbox.broadcast import Broadcast, Broadcasts, Memory, Sent
from shared.outbox.table import IS_OPEN, OutboxColumns, State, core
from shared.redis import RedisClient, RedisUnavailable

__all__ = ["Relay"]

EVERY_SECONDS = 0.2
BATCH = 100
STREAM_LENGTH = 100_000
QUEUED_FOR = timedelta(minutes=5)


class Relay:
    """Announces due events on their streams.

    The entry of a work stream is `{event_id, user_id, type}`, so that no address enters Redis; that of a broadcast
    stream has the payload too, as JSON, and its event is done as soon as it is sent.
    """

    def __init__(
        self, sessions: Sessions, redis: RedisClient, table: type[OutboxColumns], broadcasts: Broadcasts | None = None
    ) -> None:
        """Every stream that `broadcasts` does not name is one of work."""
        self._sessions = sessions
        self._redis = redis
        self._table = table
        self._streams: Mapping[str, Broadcast] = broadcasts.streams if broadcasts else {}
        self._memory = Memory(sessions, redis, table, broadcasts) if broadcasts else None

    async def run(self, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        """Relay every 200 ms until `stop`, calling `beat` each time. While Redis is away, the rows wait.

        Raises what `transaction` raises when the database is away.
        """
        while not stop.is_set():
            beat()
            if await self._relay_if_possible() < BATCH:
                await pause(stop, EVERY_SECONDS)

    async def relay_due(self) -> int:
        """Send the oldest due events, 100 at most, and return their number; raises `RedisUnavailable`, and none is.

        What a Redis that has lost its memory should hold of the broadcast streams is sent before.
        """
        now = datetime.now(UTC)
        if self._memory:
            await self._memory.restore_if_lost(now)
        async with transaction(self._sessions) as session:
            due = (await session.exec(_take_due(core(self._table), now, self._streams))).all()
            if due:
                await self._redis.run(partial(_announce, due, self._streams, now))
        return len(due)

    async def _relay_if_possible(self) -> int:
        if not self._redis.is_up:
            return 0
        try:
            return await self.relay_due()
        except RedisUnavailable:
            return 0


def _take_due(
    outbox: Table, now: datetime, broadcasts: Collection[str]
) -> ReturningUpdate[str, UUID, str, str, dict[str, object]]:
    """Return the statement that marks due rows as sent and returns them: it counts only if the sending succeeds."""
    due = (
        select(outbox.c.user_id, outbox.c.event_id)
        .where(text(IS_OPEN), outbox.c.next_at <= now)
        .order_by(outbox.c.next_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    is_done = outbox.c.stream.in_(broadcasts)
    return (
        update(outbox)
        .prefix_with("/* sweep: outbox_relay */")
        .where(outbox.c.user_id == due.c.user_id, outbox.c.event_id == due.c.event_id)
        .values(
            state=case((is_done, State.DONE), else_=State.QUEUED),
            done_at=case((is_done, now), else_=outbox.c.done_at),
            next_at=now + QUEUED_FOR,
        )
        .returning(outbox.c.stream, outbox.c.event_id, outbox.c.user_id, outbox.c.type, outbox.c.payload)
    )


async def _announce(due: Sequence[Sent], broadcasts: Mapping[str, Broadcast], now: datetime, client: Redis) -> None:
    async with client.pipeline(transaction=False) as trip:
        for event in due:
            stream, event_id, user_id, event_type, _ = event
            if broadcast := broadcasts.get(stream):
                broadcast.add(trip, event, now)
            else:
                entry: dict[FieldT, EncodableT] = {"event_id": str(event_id), "user_id": user_id, "type": event_type}
                trip.xadd(stream, entry, maxlen=STREAM_LENGTH, approximate=True)
        await trip.execute()
