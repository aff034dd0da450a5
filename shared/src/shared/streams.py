"""Reading a Redis Stream as one of a group, for as long as the process lives.

Entries are taken without acknowledgement: the outbox row behind an entry holds all safety (`shared.outbox`), so what is
left is to read on, through a Redis that restarts and one that has forgotten the group.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared.lifespan import pause
from shared.problems import Unavailable
from shared.redis import connect

__all__ = ["Entry", "Group", "Handler", "consume"]

BLOCK_SECONDS = 5.0
MAX_AT_ONCE = 10
RECONNECT_EVERY_SECONDS = 0.5

# With NOACK nothing is pending, so consumers need no names to tell them apart; one name leaves none behind.
CONSUMER = "worker"

Reply: TypeAlias = list[tuple[bytes, list[tuple[bytes, Mapping[bytes, bytes]]]]]

Entry: TypeAlias = Mapping[str, str]
"""The fields of one entry."""

Handler: TypeAlias = Callable[[Entry], Awaitable[None]]
"""Does what an entry asks for. What it raises is logged: the entry comes again if its row is due again."""


@dataclass(frozen=True, slots=True)
class Group:
    """The readers who share the entries of a stream."""

    stream: str
    name: str


async def consume(url: str, group: Group, handler: Handler, *, stop: asyncio.Event, beat: Callable[[], None]) -> None:
    """Hand each entry that comes to `group` on the Redis at `url` to `handler`, ten at once at most, until `stop`.

    A group that is missing is made, and begins with the oldest entry; a Redis that is away is waited for. After `stop`
    nothing is read any more, and what is in hand is finished. `beat` is called each time around, at least every 6 s.
    """
    # A client of its own: a read that blocks would hold up others, and outlasts their time-out.
    client = connect(url, read_timeout=BLOCK_SECONDS + 1)
    reader = _Reader(client, group)
    running: set[asyncio.Task[None]] = set()
    try:
        async with asyncio.TaskGroup() as handlers:
            while not stop.is_set():
                beat()
                if len(running) == MAX_AT_ONCE:
                    await asyncio.wait(running, timeout=1, return_when=asyncio.FIRST_COMPLETED)
                else:
                    entries = await _unless(stop, reader.read(MAX_AT_ONCE - len(running), stop))
                    running.update(handlers.create_task(_handle(handler, entry)) for entry in entries)
                running = {task for task in running if not task.done()}
    finally:
        await client.aclose()


class _Reader:
    """Reads of a group, with what goes wrong in them."""

    def __init__(self, client: Redis, group: Group) -> None:
        self._client = client
        self._group = group
        self._is_away = False

    async def read(self, count: int, stop: asyncio.Event) -> list[Entry]:
        """Return the next entries, `count` at most; none if none came within five seconds, or Redis is away."""
        try:
            entries = await self._read(count)
        except (RedisError, OSError, TimeoutError) as error:
            if not self._is_away:
                structlog.get_logger().warning("stream_away", stream=self._group.stream, error=type(error).__name__)
            self._is_away = True
            await pause(stop, RECONNECT_EVERY_SECONDS)
            return []
        if self._is_away:
            structlog.get_logger().info("stream_back", stream=self._group.stream)
        self._is_away = False
        return entries

    async def _read(self, count: int) -> list[Entry]:
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


async def _unless(stop: asyncio.Event, reading: Coroutine[None, None, list[Entry]]) -> list[Entry]:
    """Return what `reading` returns; when `stop` comes first, break it off.

    An entry that is on its way at that moment is lost with the connection, and comes again when its row is due.
    """
    read, stopped = asyncio.create_task(reading), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({read, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return read.result() if read.done() else []
    finally:
        stopped.cancel()
        read.cancel()
        await asyncio.wait({read, stopped})
