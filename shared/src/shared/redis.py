"""Redis that fails fast: a short timeout, no retries, and a breaker, so that an outage costs a request nothing.

redis-py's own default is ten retries: a refused port would cost over four seconds a command.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Self, TypeVar

import structlog
from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from shared.metrics import Collector, Gauge, Total
from shared.redis_line import Line, Part, Reply

__all__ = ["LOST", "RedisClient", "RedisUnavailable", "Reply", "connect"]

TIMEOUT_SECONDS = 0.1
FAILURES_TO_OPEN = 3
PROBE_EVERY_SECONDS = 0.25
# RuntimeError: uvloop's, from a write to a connection of the pool that was reset while nobody used it.
LOST = (RedisError, OSError, RuntimeError)

Answer = TypeVar("Answer")


class RedisUnavailable(Exception):
    """Redis did not answer, or the breaker is open and it was not asked."""


def connect(url: str, *, read_timeout: float | None = None) -> "Redis":
    """Return a bare client for `url`: no retries, `read_timeout` in seconds. Blocking reads need one of their own."""
    return Redis.from_url(
        url,
        retry=Retry(NoBackoff(), 0),
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS if read_timeout is None else read_timeout,
        health_check_interval=0,
        decode_responses=False,
    )


class RedisClient:
    """Redis behind a breaker. It opens after three failures in a row; a PING in the background closes it."""

    def __init__(self, client: "Redis") -> None:
        self._client = client
        self._failures = 0
        self._errors = 0
        self._is_open = False
        self._line: Line | None = None
        self._opening: asyncio.Task[Line] | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Give a client for `url` (`redis://host:port/0`); a Redis that is away is no error here."""
        client = connect(url)
        guarded = cls(client)
        probe = asyncio.create_task(guarded._probe(), name="redis-probe")
        try:
            yield guarded
        finally:
            probe.cancel()
            await asyncio.gather(probe, return_exceptions=True)
            await guarded._hang_up()
            await client.aclose()

    @property
    def is_up(self) -> bool:
        """Whether the breaker lets commands through."""
        return not self._is_open

    def snapshot(self) -> dict[str, object]:
        """Return whether it is there, for people."""
        return {"up": self.is_up, "errors": self._errors}

    @property
    def metrics(self) -> Iterable[Collector]:
        """Whether it is there, and how often it was not."""
        return (
            Gauge("redis_up", "1 while commands are sent to Redis, 0 while it is given up.", lambda: self.is_up),
            Total("redis_errors_total", "Commands that Redis did not answer.", lambda: self._errors),
        )

    async def run(self, command: Callable[["Redis"], Awaitable[Answer]]) -> Answer:
        """Return what `command` returns of the client; raise `RedisUnavailable` at once while the breaker is open.

        An answer that Redis gives as an error (a wrong type, no such script) is raised as redis-py's `ResponseError`.
        """
        if self._is_open:
            raise RedisUnavailable
        try:
            answer = await command(self._client)
        except ResponseError:
            self._failures = 0
            raise
        except LOST as error:
            self._count_failure(error)
            raise RedisUnavailable from error
        self._failures = 0
        return answer

    async def call(self, *command: Part) -> Reply:
        """Return the reply to one command, over the connection that all requests share; raises as `run` does."""
        return await self.run(lambda client: self._ask(client, command))

    async def _ask(self, client: "Redis", command: tuple[Part, ...]) -> Reply:
        if client.connection_pool.connection_class is not Connection:
            # TLS and Unix sockets, which `Line` does not speak.
            return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py has no type for it
        line = self._line
        if line is None or not line.is_open:
            line = await self._new_line(client)
        return await line.ask(*command)

    async def _new_line(self, client: "Redis") -> Line:
        """Open the line; whoever comes while it is being opened waits for that same attempt."""
        if self._opening is None or self._opening.done():
            address = client.connection_pool.connection_kwargs
            self._opening = asyncio.create_task(Line.open(address, TIMEOUT_SECONDS), name="redis-line")
        self._line = await asyncio.shield(self._opening)
        return self._line

    async def _hang_up(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._line is not None:
            self._line.close()

    def _count_failure(self, error: Exception) -> None:
        self._failures += 1
        self._errors += 1
        if self._failures >= FAILURES_TO_OPEN and not self._is_open:
            self._is_open = True
            structlog.get_logger().warning("redis_down", error=type(error).__name__)

    async def _probe(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_SECONDS)
            if self._is_open:
                await self._try_to_close()

    async def _try_to_close(self) -> None:
        try:
            await self._client.ping()
        except LOST:
            return
        self._failures, self._is_open = 0, False
        structlog.get_logger().info("redis_up")
