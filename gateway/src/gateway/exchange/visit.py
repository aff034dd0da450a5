"""One request on its way through the gateway: what came, who sent it, and what has become of it so far."""

import time

from starlette.types import Receive, Scope

from gateway.access_log import OF_A_REQUEST, Line
from gateway.connections.cycle import DISCONNECT
from gateway.exchange.reply import Reply
from gateway.exchange.streams import Events
from gateway.heads.fields import Fields
from gateway.heads.headers import MAX_LENGTH_DIGITS
from gateway.heads.identity import Identity
from gateway.routing import Route
from gateway.watch import TellWhenGone

__all__ = ["Visit"]

CLIENT_CLOSED_REQUEST = 499
MAX_LOGGED_PATH = 512


class Visit:
    """Holds the parts of one request together; `host` and `route` are set once they are known.

    So is `user`, the verified `sub` of its token, if it has one where tokens are looked at.
    """

    __slots__ = (
        *("_started", "attempts", "bytes_in", "declared_length", "endpoint", "error", "events", "fields", "has_body"),
        *("host", "identity", "is_http_1_0", "limit_backend", "origin", "receive", "reply", "route", "scope"),
        *("upstream_seconds", "user"),
    )

    def __init__(self, scope: Scope, receive: Receive, fields: Fields, identity: Identity) -> None:
        self.scope = scope
        self.receive = receive
        self.fields = fields
        self.identity = identity
        self.reply: Reply
        origins = fields.all(b"origin")
        self.origin = origins[0] if len(origins) == 1 else (b"null" if origins else None)
        """The page's origin, if a browser says it; several are nobody's."""
        # One with more digits is refused; until then it must not raise here.
        self.declared_length = int((fields.one(b"content-length") or b"0")[-MAX_LENGTH_DIGITS:])
        """The body's length as declared; 0 where none is."""
        self.has_body = self.declared_length > 0 or bool(fields.all(b"transfer-encoding"))
        """Whether a body comes with the request, of whatever length."""
        self.is_http_1_0: bool = scope["http_version"] == "1.0"
        """Whether the client knows no chunks, so that an answer needs a length."""
        self.host = b""
        self.route: Route | None = None
        self.user: str | None = None
        self.limit_backend: str | None = None
        self.bytes_in = 0
        self.upstream_seconds: float | None = None
        self.endpoint: str | None = None
        self.attempts = 0
        self.events: Events | None = None
        self.error: str | None = None
        self._started = time.perf_counter()

    @property
    def tell_when_gone(self) -> TellWhenGone:
        """Takes whom to call when the client has gone before it has its answer."""
        tell: TellWhenGone = self.scope["extensions"][DISCONNECT]
        return tell

    def line(self) -> Line:
        """Return this request's line of the log. Status 499: the client left before the answer."""
        now = time.perf_counter()
        route, identity, upstream = self.route, self.identity, self.upstream_seconds
        return {
            "ts": time.time(),
            **OF_A_REQUEST,
            "request_id": identity.request_id,
            "trace_id": identity.trace_id,
            "method": self.scope["method"],
            "route": route.path if route else None,
            "path": self.scope["raw_path"][:MAX_LOGGED_PATH].decode("ascii", "backslashreplace"),
            "status": self.reply.status or CLIENT_CLOSED_REQUEST,
            "bytes_in": self.bytes_in,
            "bytes_out": self.reply.bytes_out,
            "duration_ms": round((now - self._started) * 1000, 2),
            "upstream_ms": None if upstream is None else round(upstream * 1000, 2),
            "upstream": route.upstream if route else None,
            "endpoint": self.endpoint,
            "attempts": self.attempts,
            "client_ip": identity.client,
            "user": self.user,
            "limit_backend": self.limit_backend,
            "error": self.error,
        }
