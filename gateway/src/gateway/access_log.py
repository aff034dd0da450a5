"""One line for each request, written off the event loop, so that a slow reader of the log slows nobody down.

Lines are collected for a tenth of a second; a process that is killed loses that much of them. Never in them: query
values, cookies, tokens, bodies.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Self, TypeAlias

import structlog

__all__ = ["OF_A_REQUEST", "AccessLog", "Line"]

COLLECT_SECONDS = 0.1

Line: TypeAlias = dict[str, str | int | float | None]

OF_A_REQUEST: Line = {"level": "info", "service": "gateway", "event": "request"}
"""What each line says."""


class AccessLog:
    """Takes lines on the event loop and writes them in a thread of its own; entered by the lifespan."""

    def __init__(self, level: str, log_format: str) -> None:
        self._is_on = level in {"debug", "info"}
        self._write = _write_for_people if log_format == "console" else _write_json
        self._lines: list[Line] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="access-log")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Give the log; at the end write what is left."""
        try:
            yield self
        finally:
            self._flush()
            await asyncio.to_thread(self._writer.shutdown)

    def add(self, line: Line) -> None:
        """Take one request's line. `ts` is the time in seconds since 1970."""
        if not self._is_on:
            return
        self._lines.append(line)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(COLLECT_SECONDS, self._flush)

    def _flush(self) -> None:
        lines, self._lines, self._timer = self._lines, [], None
        if lines:
            self._writer.submit(self._write, lines)


def _write_json(lines: list[Line]) -> None:
    for line in lines:
        line["ts"] = datetime.fromtimestamp(float(line["ts"] or 0), UTC).isoformat().replace("+00:00", "Z")
    sys.stdout.write("".join(f"{json.dumps(line)}\n" for line in lines))
    sys.stdout.flush()


def _write_for_people(lines: list[Line]) -> None:
    log = structlog.get_logger()
    for line in lines:
        said = ("method", "path", "status", "duration_ms", "upstream", "error", "request_id")
        log.info("request", **{key: line[key] for key in said if line[key] is not None})
