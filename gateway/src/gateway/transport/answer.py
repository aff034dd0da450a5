"""An upstream's answer, from both sides: its connection fills it, and the passage to the client empties it."""

import asyncio
from types import TracebackType
from typing import Protocol, Self

from gateway.heads.headers import Pairs
from gateway.transport.failures import UpstreamFailure

__all__ = ["Answer"]

# How much of a body is held for a client that is slower than the upstream.
BUFFER_BYTES = 65536
NO_CONTENT = 204
WITHOUT_BODY = frozenset({NO_CONTENT, 304})
FRAMING = frozenset({b"content-length", b"transfer-encoding"})


class Source(Protocol):
    """The connection that an answer comes from."""

    loop: asyncio.AbstractEventLoop

    def pause(self) -> None:
        """Read nothing for a while."""

    def resume(self) -> None:
        """Read on."""

    def abort(self) -> None:
        """End at once."""


class Answer:
    """A head, and a body as it comes. A context manager: left before its end, the connection ends."""

    __slots__ = (
        *("_chunks", "_error", "_held_bytes", "_is_paused", "_loop", "_source", "_to_head", "_waiter"),
        *("fields", "has_head", "idle_seconds", "is_whole", "status"),
    )

    def __init__(self, source: Source, idle_seconds: float, *, to_head: bool) -> None:
        """Expect an answer of `source`, to a HEAD if `to_head`; once begun it may pause for `idle_seconds`."""
        self.status = 0
        self.fields: Pairs = []
        """Name and value as they came, in their order."""
        self.has_head = False
        self.is_whole = False
        """Whether the rest of the body is here, so that the next `read` gives all of it."""
        self.idle_seconds = idle_seconds
        self._to_head = to_head
        self._loop = source.loop
        self._source: Source | None = source
        self._chunks: list[bytes] = []
        self._held_bytes = 0
        self._is_paused = False
        self._error: UpstreamFailure | None = None
        self._waiter: asyncio.Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it: unless it has come to its end, its connection ends."""
        if self._source is not None:
            self._source.abort()
            self._source = None

    async def head(self) -> None:
        """Wait for status and fields. Raises `UpstreamFailure`, also if what came behind them is known to be broken."""
        while not self.has_head or self._error is not None:
            await self._news()

    async def read(self) -> bytes:
        """Return what has come of the body, at least a byte; nothing at its end. Raises `AnswerBroken`."""
        while not self._chunks:
            if self.is_whole:
                return b""
            await self._news()
        chunk = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._held_bytes = 0
        if self._is_paused:
            self._is_paused = False
            if self._source is not None:
                self._source.resume()
        return chunk

    @property
    def has_news(self) -> bool:
        """Whether `read` has something to say at once."""
        return bool(self._chunks) or self.is_whole or self._error is not None

    async def _news(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    # The other side.

    @property
    def is_bodyless(self) -> bool:
        """Whether no body follows the head that has come, whatever its fields say (RFC 9112 section 6.3)."""
        return self._to_head or self.status in WITHOUT_BODY

    @property
    def announces_too_much(self) -> bool:
        """Whether it is a 204 that says how its body ends (RFC 9110 section 8.6, RFC 9112 section 6.1)."""
        return self.status == NO_CONTENT and any(
            name.lower() in FRAMING and value != b"0" for name, value in self.fields
        )

    @property
    def is_paused(self) -> bool:
        """Whether nothing more of it is wanted for a while."""
        return self._is_paused

    @property
    def ends_with_its_connection(self) -> bool:
        """Whether nothing else says where the body ends."""
        return self.has_head and not any(name.lower() in FRAMING for name, _ in self.fields)

    def begin(self, status: int) -> None:
        """Take the head as complete."""
        self.status = status
        self.has_head = True
        self._tell()

    def add(self, chunk: bytes) -> None:
        """Take a piece of the body."""
        self._chunks.append(chunk)
        self._held_bytes += len(chunk)
        if self._held_bytes > BUFFER_BYTES and not self._is_paused and self._source is not None:
            self._is_paused = True
            self._source.pause()
        self._tell()

    def end(self) -> None:
        """Take the body as complete, and let go of the connection."""
        self.is_whole = True
        self._source = None
        self._tell()

    def fail(self, failure: UpstreamFailure) -> None:
        """Take note that no more comes. What has come of a body is still read."""
        self._error = failure
        self._source = None
        self._tell()

    def _tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
