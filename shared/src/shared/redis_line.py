"""One connection to Redis that all callers of a process share, for commands that a request waits for.

What is asked in one turn of the event loop leaves in one write, and replies are handed out in the order of the
questions. That costs a fifth of redis-py's way, which takes a connection out of a pool for each command.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any, TypeAlias

import hiredis
from redis.exceptions import NoScriptError, ResponseError

__all__ = ["Line", "Part", "Reply"]

Part: TypeAlias = str | bytes | int
Reply: TypeAlias = Any
"""What a command answers; who sends it knows its type."""


class Line(asyncio.Protocol):
    """A connection whose every command is answered within `timeout_seconds`, or it is given up as a whole."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout = timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=_reply_error)
        self._asked: deque[tuple[asyncio.Future[Reply], float]] = deque()
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._suspect: asyncio.Future[Reply] | None = None

    @classmethod
    async def open(cls, address: Mapping[str, Any], timeout_seconds: float) -> "Line":
        """Connect to `address`, redis-py's reading of a `redis://` URL. Raises OSError, TimeoutError, ResponseError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_seconds):
            _, line = await loop.create_connection(lambda: cls(timeout_seconds), address["host"], address["port"])
        try:
            if password := address.get("password"):
                await line.ask("AUTH", *filter(None, [address.get("username")]), password)
            if number := address.get("db"):
                await line.ask("SELECT", number)
        except BaseException:
            line.close()
            raise
        return line

    @property
    def is_open(self) -> bool:
        """Whether it can still be asked."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, *parts: Part) -> Reply:
        """Return the reply to one command. Raises ConnectionError, TimeoutError, or what Redis answers as an error."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError
        reply: asyncio.Future[Reply] = self._loop.create_future()
        self._asked.append((reply, self._loop.time()))
        self._transport.write(_pack(parts))
        if self._watch is None:
            self._watch = self._loop.call_later(self._timeout, self._look)
        return await reply

    def close(self) -> None:
        """Give the connection up. Whoever still waits gets a ConnectionError."""
        if self._transport is not None:
            self._transport.abort()
        self._fail(ConnectionResetError())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        # A stream's transport, though uvloop's says so by its methods only.
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            future, _ = self._asked.popleft()
            # Its caller may have gone meanwhile.
            if not future.done():
                if isinstance(reply, Exception):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._fail(exc or ConnectionResetError())

    def _look(self) -> None:
        """Give up when the oldest question has waited too long; one timer serves them all."""
        self._watch = None
        if not self._asked:
            return
        oldest, since = self._asked[0]
        left = since + self._timeout - self._loop.time()
        if left <= 0 and self._suspect is oldest:
            self._fail(TimeoutError())
            self.close()
            return
        # This process may have been the one that stood still: then the reply is there, and read before the next look.
        self._suspect = oldest if left <= 0 else None
        self._watch = self._loop.call_later(max(left, 0.001), self._look)

    def _fail(self, error: Exception) -> None:
        while self._asked:
            future, _ = self._asked.popleft()
            if not future.done():
                future.set_exception(error)


def _pack(parts: tuple[Part, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(parts)  # type: ignore[arg-type]  # its stub knows commands of one part only
    return packed


def _reply_error(message: str) -> Exception:
    return NoScriptError(message) if message.startswith("NOSCRIPT") else ResponseError(message)
