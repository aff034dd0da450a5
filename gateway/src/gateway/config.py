"""What gateway.toml says: the same for every deployment. Times are seconds, sizes bytes."""

import re
from collections import Counter
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.settings import Origin

__all__ = ["OWN_PATHS", "Config", "CorsConfig", "DocsConfig", "Host", "RouteConfig", "ServerConfig", "UpstreamConfig"]

OWN_PATHS = {
    "": "exact",
    "/docs": "prefix",
    "/health": "exact",
    "/livez": "exact",
    "/openapi.json": "exact",
    "/readyz": "exact",
}
"""What the gateway answers itself, and how each of these addresses matches."""


def _without_user(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError("must not name a user")
    return url


def _in_segments(path: str) -> str:
    if not path.startswith("/") or path.endswith("/") or "//" in path or not path.isascii():
        raise ValueError(f"must be an ASCII path like /todos, without a trailing slash, not {path!r}")
    return path


def _host(entry: str) -> str:
    if not re.fullmatch(r"(?:[A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", entry):
        raise ValueError(f"must be a host like todo.example or localhost:8080, not {entry!r}")
    return entry


Host = Annotated[str, AfterValidator(_host)]
Seconds = Annotated[float, Field(gt=0)]
Methods = Annotated[list[Literal["GET", "POST", "PUT", "PATCH", "DELETE"]], Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerConfig(_Section):
    """For which hosts it answers, and what one client may send, and how long it may take.

    A body's rate, in bytes a second, is judged once the client was waited for during `body_grace`. `write_stall` is how
    long a client may take nothing of what waits for it. Above `max_connections`, more are closed as they come.
    At most `max_in_flight` requests are on their way to services, beside those of routes with a bound of their own.
    """

    hosts: tuple[Host, ...] = ("localhost", "127.0.0.1", "[::1]", "gateway")
    max_target_bytes: int = Field(default=8192, ge=1)
    max_header_lines: int = Field(default=100, ge=1)
    max_header_bytes: int = Field(default=32768, ge=1024)
    max_connections: int = Field(default=12000, ge=1)
    header_timeout: Seconds = 10
    body_idle: Seconds = 15
    body_grace: Seconds = 10
    min_body_rate: int = Field(default=256, ge=0)
    write_stall: Seconds = 30
    max_in_flight: int = Field(default=512, gt=0)


class CorsConfig(_Section):
    """Which pages of other origins may call, and what they may send and read."""

    origins: tuple[Origin, ...] = ("http://localhost:3000", "http://127.0.0.1:3000")
    credentials: bool = True
    max_age: int = Field(default=7200, ge=0)
    allow_headers: tuple[str, ...] = (
        *("authorization", "content-type", "idempotency-key", "if-match", "if-none-match", "last-event-id"),
        *("traceparent", "x-request-id"),
    )
    expose_headers: tuple[str, ...] = (
        *("etag", "location", "link", "retry-after", "ratelimit", "ratelimit-policy", "idempotency-replayed"),
        *("x-next-cursor", "x-total-count", "x-sync-seq", "x-request-id", "deprecation", "sunset"),
    )


class UpstreamConfig(_Section):
    """One service: where it is, and how long it may take to be reached, to begin its answer, and to go on with it.

    `deadline` is for all of it up to the answer's head, repeats included, from the last byte of the request's body on.
    Each address that the name has gets up to `max_in_flight` requests at once; of those beyond, `queue` may wait for
    `queue_wait`. Streams count neither here nor there.
    """

    url: Annotated[Origin, AfterValidator(_without_user)]
    connect: Seconds = 1
    first_byte: Seconds = 5
    idle: Seconds = 15
    deadline: Seconds = 10
    max_in_flight: int = Field(default=128, gt=0)
    queue: int = Field(default=64, ge=0)
    queue_wait: Seconds = 0.05
    # Below the 75 seconds after which services close an idle connection: the gateway is always first to let go.
    keepalive: float = Field(default=55, gt=0, lt=75)
    cookies: bool = False


class RouteConfig(_Section):
    """Which addresses go to which upstream, by which methods, with how large a body.

    Answers of a `stream` route go on until one side ends them; at a stop, the gateway does. `idle` is how long such an
    answer may pause, where that is not the upstream's own `idle`. Requests of a route with `max_in_flight` count apart.
    `idempotency_key` promises that the service does a POST once, however often it comes with the same Idempotency-Key.
    """

    path: Annotated[str, AfterValidator(_in_segments)]
    match: Literal["prefix", "exact"] = "prefix"
    upstream: str
    methods: Methods
    max_body: int = Field(ge=0)
    stream: Literal["sse"] | None = None
    idle: Seconds | None = None
    max_in_flight: int | None = Field(default=None, gt=0)
    idempotency_key: bool = False


class DocsConfig(_Section):
    """What the documentation page says first; `introduction` is Markdown."""

    title: str = "API"
    introduction: str = ""


class Config(_Section):
    """The whole file."""

    server: ServerConfig = ServerConfig()
    cors: CorsConfig = CorsConfig()
    docs: DocsConfig = DocsConfig()
    upstreams: dict[str, UpstreamConfig] = Field(min_length=1)
    routes: list[RouteConfig] = Field(min_length=1)

    @model_validator(mode="after")
    def _routes_fit(self) -> Self:
        faults = [
            f"{route.path} goes to the upstream {route.upstream!r}, which [upstreams] does not list"
            for route in self.routes
            if route.upstream not in self.upstreams
        ]
        counts = Counter(route.path for route in self.routes)
        faults += [f"{path} stands there {count} times" for path, count in counts.items() if count > 1]
        faults += [f"{path} is answered by the gateway itself" for path in counts if path in OWN_PATHS]
        if faults:
            raise ValueError("; ".join(faults))
        return self
