"""Ends connections whose clients take nothing of what waits for them: a slow reader holds memory and an upstream."""

import asyncio

__all__ = ["Stall"]


class Stall:
    """Watches what one connection has still to send. Nothing taken for `seconds` while it is watched ends it."""

    __slots__ = ("_loop", "_seconds", "_timer", "_transport", "_waiting_bytes")

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, seconds: float) -> None:
        self._loop = loop
        self._transport = transport
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        self._waiting_bytes = 0

    def watch(self) -> None:
        """Begin to watch, if anything waits. Nothing must be written before `stop`: it would hide what was taken."""
        self.stop()
        self._waiting_bytes = self._transport.get_write_buffer_size()
        if self._waiting_bytes:
            self._timer = self._loop.call_later(self._seconds, self._judge)

    def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _judge(self) -> None:
        if self._transport.get_write_buffer_size() < self._waiting_bytes:
            self.watch()
        else:
            self._transport.abort()
