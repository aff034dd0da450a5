"""Logs: one object a line on stdout, joined over all processes by the request id.

Never logged: Authorization, cookies, bodies, query values, addresses of people, tokens, keys.
"""

import json
import logging
import re
import sys
from contextvars import ContextVar

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = [
    "REQUEST_ID",
    "TRACEPARENT",
    "configure_logging",
    "current_request_id",
    "current_traceparent",
    "request_context",
]

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current_request_id() -> str | None:
    """Return the id of the request, or of the event that came from one, being handled now."""
    return _request_id.get()


def current_traceparent() -> str | None:
    """Return the W3C trace context that the request came with, if it was valid."""
    return _traceparent.get()


def request_context(request_id: str | None, traceparent: str | None) -> None:
    """From here on, in this task, log lines and outbox rows carry this request id and trace."""
    trace = TRACEPARENT.fullmatch(traceparent or "")
    _request_id.set(request_id)
    _traceparent.set(trace.string if trace else None)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id, **({"trace_id": trace[1]} if trace else {}))


def configure_logging(service: str, level: str, log_format: str) -> None:
    """Send every logger of this process to stdout: as JSON lines, or with `log_format="console"` for people."""

    def name_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        name_service,
    ]
    renderer = _console() if log_format == "console" else _json_lines()
    structlog.configure(
        processors=[*common, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    _route_standard_library(common, renderer, level.upper())


# Tracebacks are plain text in both forms: the richer ones show local variables, and with them secrets.
def _json_lines() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_encode)]


def _console() -> list[Processor]:
    plain = structlog.dev.plain_traceback
    return [_brief, structlog.dev.ConsoleRenderer(colors=False, timestamp_key="ts", exception_formatter=plain)]


def _route_standard_library(common: list[Processor], renderer: list[Processor], level: str) -> None:
    """Give the lines of libraries the same shape as our own."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=common, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer]
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    # It writes a line for every request that it makes, with its whole URL.
    logging.getLogger("httpx").setLevel(logging.WARNING)


# Made once: `json.dumps` with a fallback builds an encoder for every line.
_ENCODER = json.JSONEncoder(default=repr)


def _encode(event: EventDict, **_: object) -> str:
    """Return a line of JSON; what JSON has no form for is shown as Python would."""
    return _ENCODER.encode(event)


def _brief(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Drop what a person at a terminal does not need: what says nothing, the date, and the longer ids."""
    kept = {key: value for key, value in event.items() if value is not None and key not in {"service", "trace_id"}}
    kept["ts"] = str(event["ts"])[11:19]
    return kept
