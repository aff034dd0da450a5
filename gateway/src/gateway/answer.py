"""An answer as it comes from an upstream, through aiohttp."""

import asyncio
from types import TracebackType
from typing import Self

import aiohttp

from gateway.failures import AnswerBroken
from gateway.outgoing import Outgoing

__all__ = ["Answer"]


class Answer:
    """An upstream's answer: its head, and its body as it comes. A context manager: left early, the connection ends."""

    __slots__ = ("_closed", "_has_old_timer", "_request", "_response", "fields", "status")

    def __init__(self, request: Outgoing, response: aiohttp.ClientResponse, idle_seconds: float) -> None:
        self._request = request
        self._response = response
        self.status = response.status
        self.fields = response.raw_headers
        connection = response.connection
        self._closed: asyncio.Future[None] | None = None
        # The timer that runs is still that of the first byte. With a part of the body here, reading may be paused on
        # purpose, and no timer must run before that part is taken.
        self._has_old_timer = connection is not None
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = idle_seconds
            if not response.content.total_bytes:
                self._restart_timer()
            self._closed = connection.protocol.closed
            if self._closed is not None:
                # Once a connection, which may serve for hours.
                self._closed.remove_done_callback(_hear)
                self._closed.add_done_callback(_hear)
                self._closed.add_done_callback(self._break_off)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it: a connection with a whole answer is kept, any other one ends."""
        if self._closed is not None:
            self._closed.remove_done_callback(self._break_off)
        if self._response.connection is not None:
            self._request.abort()
            self._response.close()

    @property
    def is_whole(self) -> bool:
        """Whether the rest of the body is here already, so that the next `read` gives all of it."""
        return self._response.content.is_eof()

    async def read(self) -> bytes:
        """Return what has come of the body, at least a byte; nothing at its end. Raises `AnswerBroken`."""
        try:
            chunk = await self._response.content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AnswerBroken(is_timeout=isinstance(error, TimeoutError)) from error
        if self._has_old_timer:
            self._restart_timer()
        return chunk

    def _break_off(self, _: "asyncio.Future[None]") -> None:
        """aiohttp itself lets a reader wait for ever if the connection ends over a body that made no sense."""
        if not self._response.content.is_eof():
            self._response.content.set_exception(AnswerBroken())

    def _restart_timer(self) -> None:
        self._has_old_timer = False
        connection = self._response.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.start_timeout()


def _hear(closed: "asyncio.Future[None]") -> None:
    """Take note of how a connection ended: also long after its last answer, asyncio logs what nobody has asked for."""
    closed.exception()
