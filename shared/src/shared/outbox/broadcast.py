"""Streams that other services read: their entries hold the payload, and are sent again when Redis has lost its memory.

A reader may get an entry twice, under two ids: it must make no difference to it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from sqlalchemy import Row, Select, Table, select

from shared.database import Sessions, transaction
from shared.outbox.table import CONTEXT, OutboxColumns, State, core
from shared.redis import RedisClient

__all__ = ["Broadcast", "Broadcasts", "Memory", "Sent"]

BATCH = 500

Sent: TypeAlias = Row[str, UUID, str, str, dict[str, object]]
"""Stream, id, user, type and payload of an event."""


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A stream that other services read.

    Its entries are trimmed when they are older than `kept`; those that were sent within `repeated` are sent again to a
    Redis that has lost them.
    """

    stream: str
    kept: timedelta
    repeated: timedelta

    def add(self, trip: Pipeline, event: Sent, now: datetime) -> None:
        """Let `trip` send `event`, and trim what is too old at `now`."""
        _, event_id, user_id, event_type, payload = event
        told = json.dumps({name: value for name, value in payload.items() if name != CONTEXT})
        oldest = int((now - self.kept).timestamp() * 1000)
        # By age, not by number: a burst must not push out what a reader may still need.
        trip.xadd(
            self.stream,
            {"event_id": str(event_id), "user_id": user_id, "type": event_type, "payload": told},
            minid=oldest,
            approximate=True,
        )


class Broadcasts:
    """The broadcast streams of one service, by name."""

    def __init__(self, service: str, *streams: Broadcast) -> None:
        self.mark = f"outbox:{service}"
        """The key, without expiry, whose absence tells that Redis has lost its memory."""
        self.streams: Mapping[str, Broadcast] = {broadcast.stream: broadcast for broadcast in streams}


class Memory:
    """Sees to it that Redis holds what was broadcast lately."""

    def __init__(
        self, sessions: Sessions, redis: RedisClient, table: type[OutboxColumns], broadcasts: Broadcasts
    ) -> None:
        self._sessions = sessions
        self._redis = redis
        self._table = table
        self._broadcasts = broadcasts

    async def restore_if_lost(self, now: datetime) -> None:
        """Send again what was sent lately, if Redis does not know that it was sent; raises `RedisUnavailable`.

        Two that notice at once both send it.
        """
        mark = self._broadcasts.mark
        if await self._redis.run(lambda client: client.exists(mark)):
            return
        repeated = 0
        for broadcast in self._broadcasts.streams.values():
            repeated += await self._repeat(broadcast, now)
        # Last: who dies before begins anew.
        await self._redis.run(lambda client: client.set(mark, now.isoformat()))
        structlog.get_logger().info("broadcasts_repeated", entries=repeated)

    async def _repeat(self, broadcast: Broadcast, now: datetime) -> int:
        repeated, lately = 0, _sent_since(core(self._table), broadcast.stream, now - broadcast.repeated)
        async with transaction(self._sessions) as session:
            found = await (await session.connection()).stream(lately)
            async for events in found.partitions(BATCH):
                await self._redis.run(partial(_send, broadcast, events, now))
                repeated += len(events)
        return repeated


def _sent_since(outbox: Table, stream: str, since: datetime) -> Select[str, UUID, str, str, dict[str, object]]:
    return (
        select(outbox.c.stream, outbox.c.event_id, outbox.c.user_id, outbox.c.type, outbox.c.payload)
        .prefix_with("/* sweep: outbox_repeat */")
        .where(outbox.c.stream == stream, outbox.c.state == State.DONE, outbox.c.done_at > since)
        .order_by(outbox.c.done_at, outbox.c.event_id)
    )


async def _send(broadcast: Broadcast, events: Sequence[Sent], now: datetime, client: Redis) -> None:
    async with client.pipeline(transaction=False) as trip:
        for event in events:
            broadcast.add(trip, event, now)
        await trip.execute()
