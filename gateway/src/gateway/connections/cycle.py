"""One request on a connection and the answer to it, as an ASGI application takes the one and gives the other."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

import structlog
from starlette.types import ASGIApp, Message, Scope
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl

__all__ = ["DISCONNECT", "Cycle"]

DISCONNECT = "gateway.disconnect"
"""The extension by which an application hears at once that its client has gone, without a task that waits for it."""

BODYLESS = frozenset({204, 304})
FRAMING = frozenset({b"content-length", b"connection"})

log = structlog.get_logger()


class Cycle:
    """Belongs to one connection, of which `transport` and `flow` are; `on_response` hears that the answer is whole.

    The head of an answer leaves with the first piece of its body, be it empty, as ASGI wants it. An answer has the
    length that it declares or goes in chunks, so HTTP/1.0 gets none without a length.
    """

    __slots__ = (
        *("disconnected", "keep_alive", "more_body", "response_complete", "response_started", "scope"),
        *("_body", "_due", "_flow", "_has_news", "_head", "_news", "_on_disconnect", "_on_response", "_transport"),
        "waiting_for_100_continue",
    )

    def __init__(
        self, scope: Scope, transport: asyncio.Transport, flow: FlowControl, on_response: Callable[[], None]
    ) -> None:
        self.scope = scope
        scope["extensions"] = {DISCONNECT: self._tell_of_disconnect}
        self.keep_alive = True
        self.waiting_for_100_continue = False
        self.more_body = True
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self._transport = transport
        self._flow = flow
        self._on_response = on_response
        self._on_disconnect: Callable[[], None] | None = None
        self._body = bytearray()
        self._news: asyncio.Future[None] | None = None
        self._has_news = False
        self._head: bytes | None = None
        self._due: int | None = 0
        """How many bytes of the answer's body are still due; None where it goes in chunks."""

    # The connection calls these.

    def take(self, body: bytes) -> None:
        """Take a piece of the request's body."""
        if self.response_complete:
            return
        self._body += body
        if len(self._body) > HIGH_WATER_LIMIT:
            self._flow.pause_reading()
        self._tell()

    def end(self) -> None:
        """Take the request's body as whole."""
        # Who has sent all of a body waits for no `100 Continue` (RFC 9110 section 10.1.1).
        self.waiting_for_100_continue = False
        self.more_body = False
        self._tell()

    def disconnect(self) -> None:
        """Let the application hear that its client has gone, unless that has its answer."""
        if self.response_complete or self.disconnected:
            return
        self.disconnected = True
        self._tell()
        if self._on_disconnect is not None:
            self._on_disconnect()

    async def run(self, app: ASGIApp) -> None:
        """Have the request answered. An answer without its end ends the connection, so that it never looks whole."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:  # it has no other place to go: the application answers its own faults
            log.error("answer_broken_off", exc_info=error)
        finally:
            # It leads back here, and what leads to itself stays until the collector comes.
            del self.scope["extensions"]
            if not self.response_complete and not self.disconnected:
                self._transport.close()

    # The application calls these.

    async def receive(self) -> Message:
        """Return what has come of the body, or the client's leaving, as soon as there is any of it."""
        if self.waiting_for_100_continue and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            await self._wait_for_news()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self._body = bytes(self._body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Message) -> None:
        """Send head or body; waits while the client does not keep up, and sends nothing to one that has gone.

        Raises `RuntimeError` where the body has another length than was declared.
        """
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if message["type"] == "http.response.start":
            self.response_started = True
            self.waiting_for_100_continue = False
            self._head = self._begin(message["status"], message["headers"])
        else:
            self._write(message.get("body", b""), more=message.get("more_body", False))

    def _tell_of_disconnect(self, listener: Callable[[], None] | None) -> None:
        """Call `listener` when the client goes, or now if it has gone; nobody for None."""
        self._on_disconnect = listener
        if self.disconnected and listener is not None:
            listener()

    async def _wait_for_news(self) -> None:
        while not self._has_news:
            self._news = asyncio.get_running_loop().create_future()
            await self._news
        self._has_news = False

    def _tell(self) -> None:
        self._has_news = True
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _begin(self, status: int, fields: list[tuple[bytes, bytes]]) -> bytes:
        """Return the head, and note what it says of the body."""
        said = {name: value for name, value in fields if name in FRAMING}
        lines = [_status_line(status), *map(b": ".join, fields)]
        if said.get(b"connection") == b"close":
            self.keep_alive = False
        elif not self.keep_alive:
            lines.append(b"connection: close")
        if self.scope["method"] == "HEAD" or status in BODYLESS:
            self._due = 0
        elif b"content-length" in said:
            self._due = int(said[b"content-length"])
        else:
            self._due = None
            lines.append(b"transfer-encoding: chunked")
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        if head.count(b"\n") != len(lines) + 1 or head.count(b"\r") != len(lines) + 1:
            raise RuntimeError("A field of the answer has a line's end in it.")
        return head

    def _write(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            body = b""
        if self._due is None:
            body = b"%b%b" % (b"%x\r\n%b\r\n" % (len(body), body) if body else b"", b"" if more else b"0\r\n\r\n")
        else:
            self._due -= len(body)
            if self._due < 0 or (self._due and not more):
                raise RuntimeError("The body of the answer is not as long as it says.")
        if self._head is not None:
            body, self._head = self._head + body, None
        if body:
            self._transport.write(body)
        if not more:
            self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self._tell()
        self._on_response()


@lru_cache(maxsize=512)
def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}".encode()
