"""Reading a Redis Stream for as long as the process lives: as one of a group, or alone from a place that one keeps.

A group's entries are taken without acknowledgement: the outbox row behind an entry holds all safety (`shared.outbox`),
so what is left is to read on, through a Redis that restarts and one that has forgotten the group.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.lifespan import end, pause
from shared.problems import Unavailable
from shared.redis import LOST, connect

__all__ = ["Entry", "Follower", "Group", "Handler", "Place", "consume", "follow"]

BLOCK_SECONDS = 5.0
MAX_AT_ONCE = 10
FOLLOWED_AT_ONCE = 100
RECONNECT_EVERY_SECONDS = 0.5

# With NOACK nothing is pending, so consumers need no names to tell them apart; one name leaves none behind.
CONSUMER = "worker"

Read = TypeVar("Read")

Reply: TypeAlias = list[tuple[bytes, list[tuple[bytes, Mapping[bytes, bytes]]]]]

Entry: TypeAlias = Mapping[str, str]
"""The fields of one entry."""

Handler: TypeAlias = Callable[[Entry], Awaitable[None]]
"""Does what an entry asks for. What it raises is logged: the entry comes again if its row is due again."""


def _ignored() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows a stream: `take` is handed the id and the fields of each entry, one after the other.

    What it raises ends the reading. `level` is called whenever Redis has answered and all that there was is handed
    over, so at least every 6 s while Redis is there.
    """

    take: Callable[[str, Entry], Awaitable[None]]
    level: Callable[[], None] = _ignored


@dataclass(frozen=True, slots=True)
class Group:
    """The readers who share the entries of a stream."""

    stream: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """How far a stream has been read: up to the entry with the id `after`; "0" is its beginning."""

    stream: str
    after: str


async def consume(url: str, group: Group, handler: Handler, *, stop: asyncio.Event, beat: Callable[[], None]) -> None:
    """Hand each entry that comes to `group` on the Redis at `url` to `handler`, ten at once at most, until `stop`.

    A group that is missing is made, and begins with the oldest entry; a Redis that is away is waited for. After `stop`
    nothing is read any more, and what is in hand is finished. `beat` is called each time around, at least every 6 s.
    """
    client = _blocking(url)
    reader = _GroupReader(client, group)
    patience = _Patience(group.stream, stop)
    running: set[asyncio.Task[None]] = set()
    try:
        async with asyncio.TaskGroup() as handlers:
            while not stop.is_set():
                beat()
                if len(running) == MAX_AT_ONCE:
                    await asyncio.wait(running, timeout=1, return_when=asyncio.FIRST_COMPLETED)
                else:
                    entries = await patience.read(reader.read(MAX_AT_ONCE - len(running)))
                    running.update(handlers.create_task(_handle(handler, entry)) for entry in entries or ())
                running = {task for task in running if not task.done()}
    finally:
        await client.aclose()


async def follow(url: str, place: Place, follower: Follower, *, stop: asyncio.Event, beat: Callable[[], None]) -> None:
    """Hand each entry behind `place` on the Redis at `url` to `follower`, in order, until `stop`.

    A Redis that is away is waited for. The follower keeps its place itself: in memory, or in PostgreSQL beside what it
    does. `beat` is called each time around, at least every 6 s. Raises what `follower` raises.
    """
    client = _blocking(url)
    patience = _Patience(place.stream, stop)
    is_level = False
    try:
        while not stop.is_set():
            beat()
            # The first read, and the first after an outage, waits for nothing: what is there must be known soon.
            entries = await patience.read(_read_behind(client, place, waits=is_level))
            for entry_id, entry in entries or ():
                if stop.is_set():
                    return
                await follower.take(entry_id, entry)
                place = Place(place.stream, entry_id)
            is_level = entries is not None and len(entries) < FOLLOWED_AT_ONCE
            if is_level:
                follower.level()
    finally:
        await client.aclose()


def _blocking(url: str) -> Redis:
    # A client of its own: a read that blocks would hold up others, and outlasts their time-out.
    return connect(url, read_timeout=BLOCK_SECONDS + 1)


class _Patience:
    """Reads that outlive a Redis that is away, and end when they are told to stop."""

    def __init__(self, stream: str, stop: asyncio.Event) -> None:
        self._stream = stream
        self._stop = stop
        self._is_away = False

    async def read(self, reading: Coroutine[None, None, list[Read]]) -> list[Read] | None:
        """Return what `reading` returns; None if Redis is away, after a pause, or at the stop.

        An entry that is on its way at the stop is lost with the connection: a group's comes again when its row is due,
        and a follower has not moved on.
        """
        read, stopped = asyncio.create_task(reading), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({read, stopped}, return_when=asyncio.FIRST_COMPLETED)
            entries = read.result() if read.done() else None
        except LOST as error:
            if not self._is_away:
                structlog.get_logger().warning("stream_away", stream=self._stream, error=type(error).__name__)
            self._is_away = True
            await pause(self._stop, RECONNECT_EVERY_SECONDS)
            return None
        finally:
            stopped.cancel()
            await end(read)
            await asyncio.wait({stopped})
        if self._is_away:
            structlog.get_logger().info("stream_back", stream=self._stream)
        self._is_away = False
        return entries


async def _read_behind(client: Redis, place: Place, *, waits: bool) -> list[tuple[str, Entry]]:
    how = ("COUNT", FOLLOWED_AT_ONCE, *(("BLOCK", int(BLOCK_SECONDS * 1000)) if waits else ()))
    # As a plain command: see `_GroupReader.read`.
    reply: Reply = await client.execute_command(  # type: ignore[no-untyped-call]
        "XREAD", *how, "STREAMS", place.stream, place.after
    )
    return [(entry_id.decode(), _decoded(fields)) for _, entries in reply or () for entry_id, fields in entries]


class _GroupReader:
    """Reads of a group, which is made where it is missing."""

    def __init__(self, client: Redis, group: Group) -> None:
        self._client = client
        self._group = group

    async def read(self, count: int) -> list[Entry]:
        """Return the next entries, `count` at most; none if none came within five seconds."""
        who = ("GROUP", self._group.name, CONSUMER)
        how = ("COUNT", count, "BLOCK", int(BLOCK_SECONDS * 1000), "NOACK")
        try:
            # As a plain command: redis-py's method is typed as every shape that any XREADGROUP can answer in.
            reply: Reply = await self._client.execute_command(  # type: ignore[no-untyped-call]
                "XREADGROUP", *who, *how, "STREAMS", self._group.stream, ">"
            )
        except ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            await self._create_group()
            return []
        return [_decoded(fields) for _, entries in reply for _, fields in entries]

    async def _create_group(self) -> None:
        try:
            # From "0": with "$", the events that came before the first reader would be lost.
            await self._client.xgroup_create(self._group.stream, self._group.name, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def _decoded(fields: Mapping[bytes, bytes]) -> Entry:
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, value in fields.items()}


async def _handle(handler: Handler, entry: Entry) -> None:
    try:
        await handler(entry)
    except Unavailable as problem:
        # The row is the truth and due again: there is nothing to mend, and a backlog must not flood the log.
        structlog.get_logger().warning("entry_waits", reason=problem.code)
    except Exception as error:  # noqa: BLE001  # one entry's fault must not end the reading of the others
        structlog.get_logger().error("entry_failed", exc_info=error)
