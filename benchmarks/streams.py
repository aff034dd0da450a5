"""B5: what ten thousand event streams on which nothing happens weigh in the gateway.

Where a process may not have that many sockets, so many as it may are opened, and what each of them weighs is scaled.
"""

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from benchmarks.contestants import Upstream, asked, opened
from benchmarks.measure import Result, Target, resident_megabytes
from gateway.configuration.config import RouteConfig

STREAMS, AT_ONCE = 10_000, 100
OTHER_FILES = 200
"""What the gateway opens beside two sockets a stream."""

# Longer than the measurement: nothing comes on these streams.
_IDLE = 'stream = "sse"\nidle = 600\n'
_UNCAPPED = f"max_in_flight = {2 * STREAMS}\n" if "max_in_flight" in RouteConfig.model_fields else ""


def run() -> list[Result]:
    """Open them all, each with its first event, and weigh the process."""
    count = _allowed()
    with (
        opened() as shop,
        shop.scripted() as upstream,
        shop.gateway(Upstream("events", upstream, route_more=_IDLE + _UNCAPPED)) as (base, pid),
    ):
        empty = resident_megabytes(pid)
        with _streams(asked(base, "/events/open", count)):
            grown = resident_megabytes(pid) - empty
    megabytes = empty + grown * STREAMS / count
    what = f"MB resident with {STREAMS} idle event streams / without"
    notes = {"opened": count, "kilobytes_each": round(grown / count * 1000, 1)}
    return [Result("B5", what, megabytes, empty, megabytes, bar=400, goal=400, at_most=True, notes=notes)]


def _allowed() -> int:
    """Return how many streams a process may have open here, by its limit of files, which is raised if need be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return min(STREAMS, (hard - OTHER_FILES) // 2 // AT_ONCE * AT_ONCE)


@contextmanager
def _streams(target: Target) -> Iterator[None]:
    """Keep all streams open, each of which has given its first event."""
    parts = urlsplit(target.url)
    assert parts.hostname, target.url
    head = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {target.tokens[0]}\r\n\r\n"
    opened: list[socket.socket] = []
    try:
        while len(opened) < target.connections:
            few = [socket.create_connection((parts.hostname, parts.port), timeout=10) for _ in range(AT_ONCE)]
            opened += few
            for one in few:
                one.sendall(head.encode())
            for one in few:
                _read_first_event(one)
        yield
    finally:
        for one in opened:
            one.close()


def _read_first_event(stream: socket.socket) -> None:
    received = b""
    while b"data:" not in received:
        piece = stream.recv(4096)
        assert piece, received
        received += piece
