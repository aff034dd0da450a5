"""What gateway.toml says: the same for every deployment. Times are seconds, sizes bytes."""

import re
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.configuration.misfits import misfits
from shared.settings import Origin

__all__ = [
    "FLOOD",
    "Auth",
    "Config",
    "CorsConfig",
    "DocsConfig",
    "Host",
    "LimitConfig",
    "RateConfig",
    "RouteConfig",
    "ServerConfig",
    "UpstreamConfig",
]

FLOOD = "flood"
"""The limit on all requests of one address; it is named beside those of `limits`."""

DAY_SECONDS = 86_400


def _without_user(url: str) -> str:
    if "@" in urlsplit(url).netloc:
        raise ValueError("must not name a user")
    return url


def _in_segments(path: str) -> str:
    if not path.startswith("/") or path.endswith("/") or "//" in path or not path.isascii():
        raise ValueError(f"must be an ASCII path like /todos, without a trailing slash, not {path!r}")
    return path


def _limit_name(name: str) -> str:
    if name == FLOOD or not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", name):
        raise ValueError(f"must be a word of small letters other than {FLOOD}, not {name!r}")
    return name


def _host(entry: str) -> str:
    if not re.fullmatch(r"(?:[A-Za-z0-9._\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", entry):
        raise ValueError(f"must be a host like todo.example or localhost:8080, not {entry!r}")
    return entry


Host = Annotated[str, AfterValidator(_host)]
LimitName = Annotated[str, AfterValidator(_limit_name)]
Seconds = Annotated[float, Field(gt=0)]
Auth: TypeAlias = Literal["required", "optional", "none"]
Methods = Annotated[list[Literal["GET", "POST", "PUT", "PATCH", "DELETE"]], Field(min_length=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RateConfig(_Section):
    """`rate` requests in `per` seconds in the long run, and `burst` at once."""

    rate: int = Field(ge=1, le=1_000_000)
    per: int = Field(default=1, ge=1, le=DAY_SECONDS)
    burst: int = Field(ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _is_made_up_for(self) -> Self:
        if self.burst * self.per > self.rate * DAY_SECONDS:
            raise ValueError("a burst must be made up for within a day at this rate")
        return self


class LimitConfig(RateConfig):
    """A limit that routes name: for each client address, or for each user where a token says who that is."""

    key: Literal["ip", "user"]


class ServerConfig(_Section):
    """For which hosts it answers, and what one client may send, and how long it may take.

    A body's rate, in bytes a second, is judged once the client was waited for during `body_grace`. `write_stall` is how
    long a client may take nothing of what waits for it. Above `max_connections`, more are closed as they come.
    At most `max_in_flight` requests are on their way to services, beside those of routes with a bound of their own.
    `flood` is what one address may send, whatever it asks for.
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
    flood: RateConfig = RateConfig(rate=100, per=1, burst=200)


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
    """Which addresses go to which upstream, by which methods, with or without a token, under which limit.

    With `auth` optional, a request without `Authorization` passes, and one with a token that is not valid does not.
    Answers of a `stream` route go on until one side ends them; at a stop, the gateway does. `idle` is how long such an
    answer may pause, where that is not the upstream's own `idle`. Requests of a route with `max_in_flight` count apart.
    `idempotency_key` promises that the service does a POST once, however often it comes with the same Idempotency-Key.
    """

    path: Annotated[str, AfterValidator(_in_segments)]
    match: Literal["prefix", "exact"] = "prefix"
    upstream: str
    methods: Methods
    auth: Auth
    limit: str
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
    limits: dict[LimitName, LimitConfig] = {}
    upstreams: dict[str, UpstreamConfig] = Field(min_length=1)
    routes: list[RouteConfig] = Field(min_length=1)

    @model_validator(mode="after")
    def _routes_fit(self) -> Self:
        faults = misfits(self.model_dump())
        if faults:
            raise ValueError("; ".join(faults))
        return self
