"""Load at a fixed rate: a request goes out when it is due, whether or not those before it were answered.

wrk asks again only after an answer, so a server that stalls is asked less, and its slow moments hardly count. Here the
time of a request begins when it was due. One thread with `select`, whose timeouts are exact to microseconds.
"""

import select
import socket
import statistics
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from benchmarks.measure import Target

__all__ = ["Outcome", "at_rate"]

PATIENCE_SECONDS = 5.0


@dataclass(slots=True)
class Outcome:
    """What became of the requests, and in how many seconds: milliseconds by status, 0 for a connection that ended."""

    seconds: float = 0.0
    milliseconds: dict[int, list[float]] = field(default_factory=dict)

    def percentile(self, percent: int, *statuses: int) -> float:
        """Return so many hundredths of the requests that were answered with one of `statuses`, in milliseconds."""
        chosen = [taken for status in statuses or (200,) for taken in self.milliseconds.get(status, [])]
        return statistics.quantiles(chosen, n=100)[percent - 1] if len(chosen) > 1 else float("inf")

    def count(self, status: int = 200) -> int:
        """Return how many were answered so."""
        return len(self.milliseconds.get(status, []))


class _Connection:
    """One kept connection, with at most one request on it."""

    def __init__(self, target: Target) -> None:
        parts = urlsplit(target.url)
        assert parts.hostname, target.url
        self._address = (parts.hostname, parts.port or 80)
        fields = [f"Host: {parts.netloc}", *(f"Authorization: Bearer {token}" for token in target.tokens[:1] if token)]
        self._request = "\r\n".join([f"GET {parts.path} HTTP/1.1", *fields, "", ""]).encode()
        self._received = b""
        self.due = 0.0
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(self._address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        """Return what `select` asks for."""
        return self._socket.fileno()

    def ask(self, due: float) -> None:
        """Send the request that is due at `due`."""
        self.due, self._received = due, b""
        self._socket.sendall(self._request)

    def hear(self) -> int | None:
        """Take what has come; return the status of a whole answer, 0 for a connection that has ended, else None."""
        try:
            piece = self._socket.recv(65536)
        except OSError:
            piece = b""
        self._received += piece
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not piece:
            self.close()
            self._connect()
            return 0
        if not found:
            return None
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        return int(head[9:12]) if len(body) >= length else None

    def close(self) -> None:
        """End it."""
        self._socket.close()


def at_rate(target: Target, per_second: float, seconds: float) -> Outcome:
    """Ask `target` so often for so long, over its connections, all of which are open before; return the outcome."""
    connections = [_Connection(target) for _ in range(target.connections)]
    try:
        return _load(connections, per_second, int(per_second * seconds))
    finally:
        for connection in connections:
            connection.close()


def _load(connections: list[_Connection], per_second: float, wanted: int) -> Outcome:
    free, busy = deque(connections), set[_Connection]()
    started, asked, outcome = time.perf_counter(), 0, Outcome()
    while asked < wanted or busy:
        now = time.perf_counter()
        while asked < wanted and free and (due := started + asked / per_second) <= now:
            connection = free.popleft()
            connection.ask(due)
            busy.add(connection)
            asked += 1
        wait = started + asked / per_second - now if asked < wanted and free else PATIENCE_SECONDS
        ready, _, _ = select.select(busy, [], [], max(0.0, wait))
        if not ready and wait == PATIENCE_SECONDS:
            break
        for connection in ready:
            status = connection.hear()
            if status is not None:
                taken = (time.perf_counter() - connection.due) * 1000
                outcome.milliseconds.setdefault(status, []).append(taken)
                busy.remove(connection)
                free.append(connection)
    outcome.seconds = time.perf_counter() - started
    return outcome
