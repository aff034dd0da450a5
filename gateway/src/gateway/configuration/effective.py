"""What the gateway would run with, as tables for people: what `python -m gateway check` prints. Never a secret."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from gateway.configuration.config import FLOOD, RouteConfig, UpstreamConfig
from gateway.configuration.settings import Settings

__all__ = ["report"]


def report(settings: Settings) -> str:
    """Return the effective settings."""
    tables = (_general, _upstreams, _routes, _limits, _server)
    return "\n".join(table(settings) for table in tables)


def _general(settings: Settings) -> str:
    environment, config = settings.environment, settings.config
    frontend = environment.better_auth_jwks_url
    return _table(
        ("GATEWAY", ""),
        ("public url", environment.public_url),
        ("listens at", f"{environment.bind_address}:{environment.port}"),
        ("admin port", f"{environment.admin_port or 'off'}"),
        ("hosts", " ".join(config.server.hosts)),
        ("origins", " ".join(config.cors.origins)),
        ("proxies", " ".join(map(str, environment.trusted_proxies)) or "none"),
        ("keys", _without_user(str(environment.auth_jwks_url))),
        ("frontend's keys", _without_user(str(frontend)) if frontend else "none"),
        ("HS256 tokens", "by BETTER_AUTH_SECRET" if environment.better_auth_secret else "refused"),
        ("limits counted", "in Redis" if environment.redis_url else "by each gateway alone"),
        ("replicas", str(environment.gateway_replicas)),
    )


def _upstreams(settings: Settings) -> str:
    return _table(
        ("UPSTREAM", "URL", "CONNECT", "FIRST BYTE", "IDLE", "KEEPALIVE", "DEADLINE", "IN FLIGHT", "QUEUE", "COOKIES"),
        *(_upstream(name, one) for name, one in settings.config.upstreams.items()),
    )


def _upstream(name: str, one: UpstreamConfig) -> Sequence[str]:
    """Its times, how many requests may be under way at each address, and how many more may wait for how long."""
    times = map(_seconds, (one.connect, one.first_byte, one.idle, one.keepalive, one.deadline))
    queue = f"{one.queue} for {_seconds(one.queue_wait)}"
    return name, one.url, *times, str(one.max_in_flight), queue, "yes" if one.cookies else "no"


def _routes(settings: Settings) -> str:
    return _table(
        ("ROUTE", "MATCH", "UPSTREAM", "TOKEN", "LIMIT", "BODY", "STREAM", "METHODS"),
        *map(_route, settings.config.routes),
    )


def _route(one: RouteConfig) -> Sequence[str]:
    body, stream, methods = str(one.max_body), one.stream or "-", " ".join(one.methods)
    return one.path, one.match, one.upstream, one.auth, one.limit, body, stream, methods


def _limits(settings: Settings) -> str:
    """What is let in: THROTTLE_FACTOR is in these numbers."""
    factor, server = settings.environment.throttle_factor, settings.config.server
    rates = [(name, one.key, one) for name, one in settings.config.limits.items()]
    return _table(
        ("LIMIT", "FOR EACH", "RATE", "AT ONCE"),
        *(
            (name, key, f"{one.rate * factor} in {_seconds(one.per)}", str(one.burst * factor))
            for name, key, one in [*rates, (FLOOD, "ip", server.flood)]
        ),
    )


def _server(settings: Settings) -> str:
    """What one client may send, and how long it may take; seconds and bytes."""
    server = settings.config.server.model_dump(exclude={"hosts", FLOOD})
    return _table(("SERVER", ""), *((name.replace("_", " "), f"{value:g}") for name, value in server.items()))


def _table(*rows: Sequence[str]) -> str:
    """Lay out `rows` in columns, the first row being their names."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _seconds(number: float) -> str:
    return f"{number:g} s"


def _without_user(url: str) -> str:
    """Leave out a user and password of an address, and its query: these may be secrets."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
