"""What the gateway would run with, as tables for people: what `python -m gateway check` prints. Never a secret."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from gateway.config import FLOOD, RateConfig
from gateway.settings import Settings

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
        (
            "limits",
            f"shared by {environment.gateway_replicas} in Redis" if environment.redis_url else "in this process",
        ),
        ("HS256 tokens", "by BETTER_AUTH_SECRET" if environment.better_auth_secret else "refused"),
    )


def _upstreams(settings: Settings) -> str:
    return _table(
        ("UPSTREAM", "URL", "CONNECT", "FIRST BYTE", "IDLE", "DEADLINE", "KEEPALIVE", "IN FLIGHT", "QUEUE", "COOKIES"),
        *(
            (
                *(name, one.url, *map(_seconds, (one.connect, one.first_byte, one.idle, one.deadline, one.keepalive))),
                *(f"{one.max_in_flight} each", f"{one.queue} for {_seconds(one.queue_wait)}", _yes(one.cookies)),
            )
            for name, one in settings.config.upstreams.items()
        ),
    )


def _routes(settings: Settings) -> str:
    return _table(
        ("ROUTE", "MATCH", "UPSTREAM", "TOKEN", "LIMIT", "BODY", "STREAM", "METHODS"),
        *(
            (
                *(one.path, one.match, one.upstream, one.auth, one.limit),
                *(str(one.max_body), one.stream or "-", " ".join(one.methods)),
            )
            for one in settings.config.routes
        ),
    )


def _limits(settings: Settings) -> str:
    factor, flood = settings.environment.throttle_factor, settings.config.server.flood
    return _table(
        ("LIMIT", "COUNTS", "RATE", "AT ONCE"),
        (FLOOD, "ip", _rate(flood, factor), str(flood.burst * factor)),
        *((name, one.key, _rate(one, factor), str(one.burst * factor)) for name, one in settings.config.limits.items()),
    )


def _server(settings: Settings) -> str:
    server = settings.config.server.model_dump(exclude={"hosts", "flood"})
    return _table(("SERVER", ""), *((name.replace("_", " "), str(value)) for name, value in server.items()))


def _table(*rows: Sequence[str]) -> str:
    """Lay out `rows` in columns, the first row being their names."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _seconds(number: float) -> str:
    return f"{number:g} s"


def _rate(limit: RateConfig, factor: int) -> str:
    return f"{limit.rate * factor} in {_seconds(limit.per)}"


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _without_user(url: str) -> str:
    """Leave out a user and password of an address, and its query: these may be secrets."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
