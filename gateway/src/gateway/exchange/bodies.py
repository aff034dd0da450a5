"""The body of a request: small ones are held and sent in one write, larger ones stream at the upstream's pace."""

import asyncio
import time

from starlette.types import Receive

from gateway.configuration.config import ServerConfig
from gateway.problems import BadFraming, ForwardedTooLarge, RequestTimeout
from gateway.transport.outgoing import Pieces
from gateway.watch import ClientGone, Watch

__all__ = ["HELD_BYTES", "RequestBody", "too_large"]

HELD_BYTES = 65536


class RequestBody:
    """Reads a body from the client, counting: over `max_bytes` it raises `ForwardedTooLarge`.

    One of another length than `declared_bytes` (0: none was declared) raises `BadFraming`.
    """

    def __init__(self, receive: Receive, max_bytes: int, declared_bytes: int, config: ServerConfig) -> None:
        self.received = 0
        self.is_whole = False
        self._receive = receive
        self._max_bytes = max_bytes
        self._declared_bytes = declared_bytes
        self._config = config
        self._held: list[bytes] = []
        self._waited_seconds = 0.0

    async def collect(self) -> bytes | None:
        """Return the whole body, or None when it is over 64 KiB: then `stream` gives all of it.

        Raises `ForwardedTooLarge`, `BadFraming`, `RequestTimeout`, `ClientGone`.
        """
        while not self.is_whole and self.received <= HELD_BYTES:
            self._held.append(await self._next())
        return b"".join(self._held) if self.received <= HELD_BYTES else None

    async def stream(self, watch: Watch, stall_seconds: float) -> Pieces:
        """Give the body piece by piece, each when the upstream has taken the one before.

        Whatever goes wrong ends `watch`: the reading happens in a task of the upstream client, where nobody looks. An
        upstream that takes nothing for `stall_seconds` is as good as one that does not answer.
        """
        loop = asyncio.get_running_loop()
        try:
            while self._held or not self.is_whole:
                chunk = self._held.pop(0) if self._held else await self._next()
                if chunk:
                    stall = loop.call_later(stall_seconds, watch.stalled)
                    try:
                        yield chunk
                    finally:
                        stall.cancel()
        except Exception as fault:
            watch.stop(fault)
            raise
        watch.look_out()

    async def _next(self) -> bytes:
        asked = time.monotonic()
        try:
            async with asyncio.timeout(self._config.body_idle):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout(Connection="close") from None
        self._waited_seconds += time.monotonic() - asked
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        self.received += len(chunk)
        self.is_whole = not message.get("more_body", False)
        self._judge()
        return chunk

    def _judge(self) -> None:
        if self.received > self._max_bytes:
            raise too_large(self._max_bytes)
        if self.is_whole and self._declared_bytes not in {0, self.received}:
            # An upstream would take the beginning of the next request on its connection for the rest of this body.
            raise BadFraming(Connection="close")
        # Only the time that we waited for the client counts: an upstream may take its own.
        due = self._config.min_body_rate * self._waited_seconds
        if not self.is_whole and self._waited_seconds > self._config.body_grace and self.received < due:
            raise RequestTimeout(Connection="close")


def too_large(max_bytes: int) -> ForwardedTooLarge:
    """Return the refusal of a body over `max_bytes`. What is left of it stays unread, so the connection must end."""
    detail = f"The body is larger than the {max_bytes} bytes that this address takes."
    return ForwardedTooLarge(detail, Connection="close")
