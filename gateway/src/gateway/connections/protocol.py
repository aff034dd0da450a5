"""uvicorn's HTTP/1.1 protocol, made strict: how the bytes of a connection become requests.

What cannot be read is refused here. Everything else reaches the application as one clear request: one target, one host
for it, a body of known framing, and no trailers among its fields.
"""

import asyncio
from typing import NoReturn

import httptools
from starlette.types import Scope

from gateway.configuration.config import ServerConfig
from gateway.connections.connection import BoundedConnection
from gateway.connections.cycle import Cycle
from gateway.connections.unreadable import fault_of
from gateway.heads.targets import complete_scope
from gateway.problems import HeadersTooLarge, HttpVersion, NoTunnel, Overloaded, Refusal, TargetTooLong

__all__ = ["GatewayProtocol", "protocol_of"]


class GatewayProtocol(BoundedConnection):
    """One connection as uvicorn wants it; the parser calls the `on_` methods."""

    _offers_upgrade = False
    _field_bytes = 0
    _refusal: Refusal | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        """Called by the event loop."""
        super().connection_made(transport)
        # uvicorn's own parser reads on behind a request that said it was the last one.
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop. uvicorn's own would let any byte, also an empty line, renew the keep-alive."""
        if self._is_deaf:
            return
        self._unread_bytes += len(data)
        rest: bytes | None = data
        while rest is not None:
            rest = self._feed(rest)
        if self._unread_bytes > self.bounds.max_header_bytes and not self._is_deaf:
            self._refuse(HeadersTooLarge())

    def _feed(self, data: bytes) -> bytes | None:
        """Let the parser read `data`; return what is to be read next, if anything."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            # The parser stops behind a head with an offer, whatever body it announces. Here that is a body.
            return self._head_without_offer() + data[offer.args[0] :]
        except httptools.HttpParserError as error:
            self._refuse(self._refusal or fault_of(error))
        return None

    def _head_without_offer(self) -> bytes:
        """Return the head that was just read without its `Upgrade`, which nobody has to take up (RFC 9110, 7.8)."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        fields = (name + b": " + value + b"\r\n" for name, value in self.headers if name != b"upgrade")
        self.parser = httptools.HttpRequestParser(self)
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(fields))

    def on_message_begin(self) -> None:
        """Note the first byte of a request."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._field_bytes = 0
        if not self._reads_head:
            self._unread_bytes = 1
            self._await_head()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self.url += url
        if len(self.url) > self.bounds.max_target_bytes:
            self._stop_reading(TargetTooLong())

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field. Those behind a chunked body come here too, and nobody gets to see them."""
        self._field_bytes += len(name) + len(value)
        if self._reads_head:
            name = name.lower()
            self.headers.append((name, value))
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
        if self._field_bytes > self.bounds.max_header_bytes or len(self.headers) > self.bounds.max_header_lines:
            self._stop_reading(HeadersTooLarge())

    def on_headers_complete(self) -> None:
        """Make a request of the head, if it is the head of one."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if version not in {"1.0", "1.1"}:
            self._stop_reading(HttpVersion())
        if method == b"CONNECT":
            self._stop_reading(NoTunnel())
        self._offers_upgrade = self.parser.should_upgrade()
        if self._offers_upgrade:
            return
        if self._has_enough:
            # Who sends requests ahead asks again for those that had no answer (RFC 9112 section 9.3.2).
            self._stop_reading(Overloaded())
        self._reads_head = False
        self._patience.end()
        self._queue(self._new_cycle(method.decode("ascii"), version))

    def _new_cycle(self, method: str, version: str) -> Cycle:
        scope: Scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": method,
            "root_path": "",
            "headers": self.headers,
            "state": self.app_state,
        }
        try:
            complete_scope(scope, self.url)
        except Refusal as refusal:
            self._stop_reading(refusal)
        cycle = Cycle(scope, self.transport, self.flow, self._answered)
        is_current = version == "1.1"
        cycle.keep_alive = is_current and self.parser.should_keep_alive()
        # A client of HTTP/1.0 would take a `100 Continue` for the answer.
        cycle.waiting_for_100_continue = is_current and self.expect_100_continue
        return cycle

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._unread_bytes = 0
        self.cycle.take(body)

    def on_message_complete(self) -> None:
        """Note the end of a request."""
        if self._offers_upgrade:
            return
        self._unread_bytes = 0
        self.cycle.end()

    def _stop_reading(self, refusal: Refusal) -> NoReturn:
        """End a callback; the parser passes the exception on as an error of its own."""
        self._refusal = refusal
        raise refusal


def protocol_of(bounds: ServerConfig) -> type[GatewayProtocol]:
    """Return the protocol within these bounds, as uvicorn takes it: a class."""
    return type("GatewayProtocol", (GatewayProtocol,), {"bounds": bounds})
