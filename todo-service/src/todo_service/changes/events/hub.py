"""All streams of a process, and how they hear of changes: by Redis at once, by the counters in any case."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Self

import structlog

from shared.database import Database
from shared.lifespan import hears_stop, pause
from shared.metrics import Collector, Gauge
from shared.problems import Unavailable
from shared.tokens import InvalidToken, Principal, Reason, Revocations
from todo_service.changes.events.channels import channel_of
from todo_service.changes.events.errors import TooManyStreams
from todo_service.changes.events.repository import Latest, all_latest, latest_of
from todo_service.changes.events.streams import Stream
from todo_service.changes.events.subscriber import Subscriber

__all__ = ["EventHub", "Limits"]

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 30.0
LOOK_WITHOUT_REDIS_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How many streams may be open at once."""

    per_user: int
    per_process: int


class EventHub:
    """The streams of this process. None of them holds a connection to PostgreSQL."""

    def __init__(self, database: Database, revocations: Revocations, limits: Limits) -> None:
        self._database = database
        self._revocations = revocations
        self._limits = limits
        self._streams: defaultdict[str, set[Stream]] = defaultdict(set)
        """By channel, which stands for the user."""
        self._count = 0
        self._is_closing = False
        self._must_look = asyncio.Event()
        self._subscriber: Subscriber

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Database, redis_url: str, revocations: Revocations, limits: Limits
    ) -> AsyncIterator[Self]:
        """Give the hub; at SIGTERM its streams end, so that the server is not kept waiting for them."""
        hub = cls(database, revocations, limits)
        revocations.listen(hub._end_revoked)
        async with Subscriber.open(redis_url, hub._hear, hub._must_look.set) as hub._subscriber:
            looking = asyncio.create_task(hub._keep_looking(), name="events-look")
            try:
                with hears_stop(hub.close):
                    yield hub
            finally:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)

    @property
    def metrics(self) -> Iterable[Collector]:
        """How many streams are open."""
        return (Gauge("sse_streams", "Event streams that are open.", lambda: self._count),)

    @asynccontextmanager
    async def stream(self, user: Principal, seen: int | None) -> AsyncIterator[Stream]:
        """Give a stream of the user's changes from now on, beginning with the newest unless the client has `seen` it.

        Raises `TooManyStreams`, `InvalidToken` when the account or session has ended, and what `latest_of` raises.
        """
        stream = Stream(user, seen)
        with self._counted(stream):
            # First listen, then look: a change between the two is seen twice, and not missed.
            await self._subscriber.listen_to(channel_of(user.id))
            latest = await latest_of(self._database, user.id)
            if latest.is_purged:
                raise InvalidToken(Reason.ENDED)
            # It may have ended since the token was verified; what ends from now on is heard of.
            if user in self._revocations:
                raise InvalidToken(Reason.REVOKED)
            stream.offer(latest.seq)
            yield stream

    def close(self) -> None:
        """End all streams, and those that still come."""
        self._is_closing = True
        for stream in self._all():
            stream.close()

    @contextmanager
    def _counted(self, stream: Stream) -> Iterator[None]:
        channel = channel_of(stream.user.id)
        mine = self._streams[channel]
        if len(mine) >= self._limits.per_user or self._count >= self._limits.per_process:
            raise TooManyStreams
        mine.add(stream)
        self._count += 1
        if self._is_closing:
            stream.close()
        try:
            yield
        finally:
            mine.discard(stream)
            self._count -= 1

    def _all(self) -> list[Stream]:
        return [stream for streams in self._streams.values() for stream in streams]

    def _hear(self, channel: str, message: bytes) -> None:
        for stream in self._streams.get(channel, ()):
            stream.offer(int(message))

    def _end_revoked(self) -> None:
        for stream in self._all():
            if stream.user in self._revocations:
                stream.revoke()

    async def _keep_looking(self) -> None:
        while True:
            # Nobody is asked to leave a channel at once: who closes a stream often opens another.
            await self._leave_empty_channels()
            every = LOOK_EVERY_SECONDS if self._subscriber.is_up else LOOK_WITHOUT_REDIS_EVERY_SECONDS
            await pause(self._must_look, every)
            self._must_look.clear()
            try:
                await self._look()
            except Unavailable as problem:
                log.warning("events_not_looked_for", reason=problem.code)
            except Exception as error:  # whatever it is, the next look may see again
                log.error("events_not_looked_for", exc_info=error)

    async def _look(self) -> None:
        """Read the counters of all users that are streamed to: what Redis has lost is made good."""
        users = {stream.user.id for stream in self._all()}
        for latest in await all_latest(self._database, users) if users else ():
            for stream in self._streams.get(channel_of(latest.user_id), ()):
                _tell(stream, latest)

    async def _leave_empty_channels(self) -> None:
        self._streams = defaultdict(set, {channel: streams for channel, streams in self._streams.items() if streams})
        await self._subscriber.forget_all_but(self._streams)


def _tell(stream: Stream, latest: Latest) -> None:
    if latest.is_purged:
        stream.revoke()
    else:
        stream.offer(latest.seq)
