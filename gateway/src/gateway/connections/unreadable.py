"""Requests that cannot be read: they never reach the application, so their answers are made here, whole.

There are no CORS fields on these: where a head is not read to its end, its origin may be in the rest, and no browser
sends one that cannot be read, unless a page makes it too long. The connection ends with these answers, for nobody can
say where the next request would begin.

Each has its line in the log of requests, under the id that its answer carries, with nothing of what came.
"""

import json
import time

import httptools

from gateway.access_log import OF_A_REQUEST, Line
from gateway.problems import BadTarget, HttpVersion, Refusal, Unreadable

__all__ = ["fault_of", "line_of", "wire_form"]

# What the parser says where the version is the fault; it has no error of its own for it.
VERSION_FAULTS = frozenset({"Invalid HTTP version", "Pause on PRI/Upgrade"})


def fault_of(error: httptools.HttpParserError) -> Refusal:
    """Return the problem that the parser's `error` stands for."""
    if isinstance(error, httptools.HttpParserInvalidURLError):
        return BadTarget()
    return HttpVersion() if str(error) in VERSION_FAULTS else Unreadable()


def wire_form(problem: Refusal, request_id: str) -> bytes:
    """Return head and body of `problem` as they go on the wire."""
    body = json.dumps(problem.body(None, request_id)).encode()
    fields = {
        **problem.headers,
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
        "Connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {problem.status} {problem.title}\r\n{lines}\r\n".encode() + body


def line_of(problem: Refusal, request_id: str, client: str | None, seconds: float) -> Line:
    """Return the line of a request that `problem` answers; it came from `client` and took so many seconds."""
    return {
        "ts": time.time(),
        **OF_A_REQUEST,
        "request_id": request_id,
        "method": None,
        "route": None,
        "path": None,
        "status": problem.status,
        "duration_ms": round(seconds * 1000, 2),
        "upstream": None,
        "client_ip": client,
        "error": problem.code,
    }
