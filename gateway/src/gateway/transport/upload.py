"""A body on its way to an upstream, piece by piece, as fast as that takes it."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from gateway.transport.outgoing import Pieces

__all__ = ["Upload"]


class Upload:
    """The bodies that leave over one connection, one at a time; the connection says when it can take no more."""

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._task: asyncio.Task[None] | None = None
        self._is_writable = asyncio.Event()
        self._is_writable.set()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to be sent."""
        return self._task is None or self._task.done()

    def begin(self, body: Pieces, *, chunked: bool, sent: Callable[[], None]) -> None:
        """Send `body`, in chunks of HTTP if `chunked`, and call `sent` when all of it has left."""
        self._task = self._loop.create_task(self._send(body, chunked=chunked, sent=sent))

    def pause(self) -> None:
        """Send nothing for a while."""
        self._is_writable.clear()

    def resume(self) -> None:
        """Go on."""
        self._is_writable.set()

    def cancel(self) -> None:
        """Send no more: the connection has ended."""
        if self._task is not None:
            self._task.cancel()

    async def _send(self, body: Pieces, *, chunked: bool, sent: Callable[[], None]) -> None:
        try:
            # Left in the middle, it would go on to time the piece that it gave last.
            async with aclosing(body):
                async for piece in body:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                    await self._is_writable.wait()
        except Exception:  # noqa: BLE001  # who gives it has told whom it concerns; here it must not look whole
            self._transport.abort()
            return
        if chunked:
            self._transport.write(b"0\r\n\r\n")
        sent()
