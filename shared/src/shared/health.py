"""Is the process alive, and should it get work? Answered on the service's own port and on an admin port of its own.

The admin port also shows the process's figures, at `/metrics`, and at `/status`, to people, what it knows of its parts.
`/health` and `/livez` depend on nothing outside the process, so that an outage elsewhere causes no restarts.
`python -m shared.health readyz` asks the admin port and exits 0 or 1: the images' HEALTHCHECK.
"""

import asyncio
import http.client
import json
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self, TypeAlias

if TYPE_CHECKING:
    from shared.metrics import Metrics

__all__ = ["Check", "Health", "Heartbeats", "Remark", "Snapshot"]

LAG_LIMIT_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.5
LOOKS = 20
"""How many of them `lag_seconds` goes back over."""

BEAT_LIMIT_SECONDS = 60.0

LAG = "The longest that the event loop kept somebody waiting within the last ten seconds."

Check: TypeAlias = Callable[[], Awaitable[str | None]]
"""Says why the process should get no work now, or None."""

Remark: TypeAlias = Callable[[], str | None]
"""Says what an operator should know although the process works on, or None."""

Snapshot: TypeAlias = Callable[[], Mapping[str, object]]
"""Tells people what a part knows of itself, in plain values as JSON has them; never a secret."""


class Health:
    """What a process knows of its own state."""

    def __init__(self, *checks: Check, **remarks: Remark) -> None:
        self._checks = checks
        self._remarks = remarks
        self._lags: deque[float] = deque([0.0], maxlen=LOOKS)
        self._metrics: Metrics | None = None
        self._parts: Mapping[str, Snapshot] = {}
        self._began = time.monotonic()

    @classmethod
    @asynccontextmanager
    async def serve(
        cls,
        address: str,
        port: int,
        *checks: Check,
        metrics: "Metrics | None" = None,
        parts: Mapping[str, Snapshot] | None = None,
        **remarks: Remark,
    ) -> AsyncIterator[Self]:
        """Give the health of this process, watched, and answered at `address` on the admin `port` (0: not).

        So are the `metrics`, to which it adds the lag of the event loop, and what the `parts` tell by their names.
        """
        health = cls(*checks, **remarks)
        health._parts = parts or {}
        if metrics is not None:
            health._metrics = metrics
            metrics.gauge("loop_lag_seconds", LAG, lambda: health.lag_seconds)
        watch = asyncio.create_task(health._watch_loop(), name="loop-watch")
        server = await asyncio.start_server(health._answer, address, port) if port else None
        try:
            yield health
        finally:
            watch.cancel()
            if server:
                server.close()
            await asyncio.gather(watch, return_exceptions=True)

    @property
    def lag_seconds(self) -> float:
        """The longest that the event loop has kept somebody waiting within the last ten seconds."""
        return max(self._lags)

    async def livez(self) -> tuple[int, dict[str, str]]:
        """Return status and body: 503 when the event loop lagged over five seconds within the last ten."""
        if self.lag_seconds > LAG_LIMIT_SECONDS:
            return 503, {"status": "lagging"}
        return 200, {"status": "alive"}

    async def readyz(self) -> tuple[int, dict[str, str]]:
        """Return status and body: 503, with the reason, when a check says that the process should get no work.

        Each remark that has something to say is a member of its name, whatever the status is.
        """
        said = {name: words for name, remark in self._remarks.items() if (words := remark())}
        for check in self._checks:
            if reason := await check():
                return 503, {"status": "unready", "reason": reason} | said
        return 200, {"status": "ready"} | said

    async def status(self) -> dict[str, object]:
        """Return all that is known, for people: whether it is ready, and what each part says of itself."""
        _, ready = await self.readyz()
        if self._metrics is not None:
            await self._metrics.look()
        seconds = {"up_seconds": round(time.monotonic() - self._began), "loop_lag_seconds": round(self.lag_seconds, 3)}
        return {**ready, **seconds, **{name: snapshot() for name, snapshot in self._parts.items()}}

    async def _watch_loop(self) -> None:
        while True:
            asked = time.monotonic()
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            self._lags.append(max(0.0, time.monotonic() - asked - LOOK_EVERY_SECONDS))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                request_line = await reader.readline()
                path = request_line.decode("latin-1").split(" ")[1:2]
                writer.write(await self._answer_to(path[0].rstrip("/") if path else ""))
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            return
        finally:
            writer.close()

    async def _answer_to(self, path: str) -> bytes:
        if path == "/metrics" and self._metrics is not None:
            return _http(200, "text/plain; version=0.0.4; charset=utf-8", await self._metrics.render())
        if path == "/status":
            return _http(200, "application/json", json.dumps(await self.status(), indent=2).encode() + b"\n")
        answer = {"/livez": self.livez, "/readyz": self.readyz}.get(path)
        status, body = await answer() if answer else (404, {"status": "not found"})
        return _http(status, "application/json", json.dumps(body).encode())


class Heartbeats:
    """When each loop of a worker last ran; as a check: every one within the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}

    def beat(self, loop: str) -> None:
        """Note that `loop` runs."""
        self._last[loop] = self._clock()

    async def check(self) -> str | None:
        """Return which loop stands still, or None."""
        now = self._clock()
        still = [loop for loop, last in self._last.items() if now - last > BEAT_LIMIT_SECONDS]
        return f"standing still: {', '.join(sorted(still))}" if still else None


def ask_admin_port(question: str) -> int:
    """Return the exit status for `question` (`livez` or `readyz`), asked of this machine's ADMIN_PORT."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("ADMIN_PORT") or 9090), timeout=2)
    try:
        connection.request("GET", f"/{question}")
        answer = connection.getresponse()
        sys.stdout.write(answer.read().decode() + "\n")
    except OSError as error:
        sys.stdout.write(f"no answer: {error}\n")
        return 1
    return 0 if answer.status == 200 else 1


def _http(status: int, media_type: str, payload: bytes) -> bytes:
    phrase = http.client.responses[status]
    head = f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {media_type}\r\nContent-Length: {len(payload)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + payload


if __name__ == "__main__":
    raise SystemExit(ask_admin_port(sys.argv[1] if len(sys.argv) > 1 else "readyz"))
