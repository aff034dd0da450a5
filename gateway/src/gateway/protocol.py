"""uvicorn's HTTP/1.1 protocol with bounds: how large a request's head may be, and how long it may take.

A request that cannot be read never reaches the application, so it is answered here: as a problem, without CORS fields.
"""

import asyncio
import json
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

__all__ = ["BoundedHttpProtocol", "bounded"]

MAX_HEAD_BYTES = 32768
MAX_FIELDS = 100

BAD_REQUEST = (400, "Bad request", "bad_request", "The request is not valid HTTP/1.1.")
TOO_LATE = (408, "Request timeout", "request_timeout", "The head of the request did not arrive in time.")
TOO_LARGE = (431, "Header fields too large", "headers_too_large", "The head of the request is too large.")


class HeadTooLarge(Exception):
    """Raised inside the parser, which passes it on as an error of its own."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. A head over 32 KiB or 100 fields is 431, one unfinished after `head_seconds` 408; both end it."""

    head_seconds: ClassVar[float] = 10.0

    _reads_head = True
    _head_bytes = 0
    _field_bytes = 0
    _is_too_large = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        """Called by the event loop."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._reads_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(*TOO_LARGE)

    def on_message_begin(self) -> None:
        """Called by the parser, at the first byte of a request."""
        super().on_message_begin()
        if not self._reads_head:
            self._head_bytes = 0
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, once a field."""
        super().on_header(name, value)
        self._field_bytes += len(name) + len(value)
        if self._field_bytes > MAX_HEAD_BYTES or len(self.headers) > MAX_FIELDS:
            self._is_too_large = True
            raise HeadTooLarge

    def on_headers_complete(self) -> None:
        """Called by the parser, at the end of a head."""
        self._reads_head = False
        self._stop_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's words, for which ours stand
        """Answer what the parser cannot read; called by uvicorn."""
        self._refuse(*(TOO_LARGE if self._is_too_large else BAD_REQUEST))

    def _await_head(self) -> None:
        self._reads_head, self._field_bytes = True, 0
        self._stop_timer()
        self._timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self) -> None:
        if self._head_bytes:
            self._refuse(*TOO_LATE)
        else:
            self.transport.close()

    def _refuse(self, status: int, title: str, code: str, detail: str) -> None:
        self._stop_timer()
        if self._is_answering():
            return
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
        body = json.dumps(problem).encode()
        head = (
            f"HTTP/1.1 {status} {title}\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _is_answering(self) -> bool:
        """Whether the answer to an earlier request, or the beginning of this one's, forbids to write another."""
        running: RequestResponseCycle | None = self.cycle
        if running is None or running.response_complete:
            return False
        running.keep_alive = False
        if not running.more_body:
            return True
        # The fault is in the body of the request that runs: its application hears that the client is gone.
        running.disconnected = True
        running.message_event.set()
        if running.response_started:
            self.transport.close()
        return running.response_started


def bounded(head_seconds: float) -> type[BoundedHttpProtocol]:
    """Return the protocol with its own patience, as uvicorn takes it: a class."""
    return type("BoundedHttpProtocol", (BoundedHttpProtocol,), {"head_seconds": head_seconds})
