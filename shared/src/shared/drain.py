"""Leaving without being missed: a process that is told to end first stops being ready, and serves on meanwhile.

A server by itself stops listening a tenth of a second after the signal, before any balancer can know of it.

    SIGTERM            /readyz is 503, answers carry `Connection: close`; workers take nothing new
    + DRAIN_SECONDS    the server hears of the signal: event streams end, nobody is let in any more
    + 25 s at most     requests that run are finished
"""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Drain", "Draining"]


class Drain:
    """Whether this process is on its way out; `seconds` is how long it serves on after the signal."""

    def __init__(self, seconds: float = 0) -> None:
        self.is_draining = False
        self._seconds = seconds

    async def check(self) -> str | None:
        """Say that the process should get no work any more, or None: a check of `shared.health`."""
        return "draining" if self.is_draining else None

    def begin(self) -> None:
        """Be on the way out from now on."""
        self.is_draining = True

    @asynccontextmanager
    async def delaying_stop(self) -> AsyncIterator[None]:
        """While entered, keep a SIGTERM from whoever handles it until the time is over; a second one goes on at once.

        Enter it last in a lifespan: what was entered before, and handles the signal too, hears of it as late as the
        server does. A SIGTERM that nobody handles stays unhandled.
        """
        stop, loop = signal.getsignal(signal.SIGTERM), asyncio.get_running_loop()
        # Python lets the main thread alone set handlers; in another one there is no server of ours.
        if not callable(stop) or threading.current_thread() is not threading.main_thread():
            yield
            return

        def wait(number: int, frame: FrameType | None) -> None:
            # First of all: nobody may be left to read the line, and then writing it fails.
            loop.call_later(self._seconds, stop, number, frame)
            structlog.get_logger().info("draining", seconds=self._seconds)

        def heard(number: int, frame: FrameType | None) -> None:
            if self.is_draining:
                stop(number, frame)
                return
            self.begin()
            # Not logged here: the signal may have come in the middle of a line that is being written.
            loop.call_soon_threadsafe(wait, number, frame)

        signal.signal(signal.SIGTERM, heard)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)


class Draining:
    """The outermost layer: sends clients to other connections, and so to other replicas, while `drain` is under way."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. One that came before the signal is answered as ever."""
        if not self._drain.is_draining or scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def last_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, last_send)
