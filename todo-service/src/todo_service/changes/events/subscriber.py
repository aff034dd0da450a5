"""One connection to Redis on which a process hears of the changes of all users that it streams to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Self, TypeAlias

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from shared.redis import connect

__all__ = ["Subscriber"]

log = structlog.get_logger()

ALIVE = "td:ch"
"""A channel on which nobody speaks: with it the connection always listens to something."""

PING_EVERY_SECONDS = 2.0
RECONNECT_EVERY_SECONDS = 0.5
CONFIRMED_WITHIN_SECONDS = 0.2
FAULTS = (RedisError, OSError, TimeoutError)

Hear: TypeAlias = Callable[[str, bytes], None]
"""Gets the channel and the message."""


class Subscriber:
    """Listens on channels. While Redis is away it waits for it, and then listens on all of them again."""

    def __init__(self, client: Redis, hear: Hear, turned: Callable[[], None]) -> None:
        """`hear` gets each message; `turned` is called when Redis came or went, so that messages were lost."""
        self._client = client
        self._hear = hear
        self._turned = turned
        self._channels: dict[str, asyncio.Event] = {}
        self._line: PubSub | None = None
        # What is left and what is entered anew must reach Redis in that order, and nothing before the line is there.
        self._speaking = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, hear: Hear, turned: Callable[[], None]) -> AsyncIterator[Self]:
        """Give a subscriber to the Redis at `url`, which may be away."""
        client = connect(url)
        subscriber = cls(client, hear, turned)
        listening = asyncio.create_task(subscriber._listen(), name="events-subscriber")
        try:
            yield subscriber
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await client.aclose()

    @property
    def is_up(self) -> bool:
        """Whether it hears."""
        return self._line is not None

    async def listen_to(self, channel: str) -> None:
        """Listen to `channel`; returns when messages are sure to be heard, or, if Redis is away, soon."""
        if channel not in self._channels:
            self._channels[channel] = asyncio.Event()
            await self._say(lambda line: line.subscribe(channel))
        if self.is_up:
            try:
                async with asyncio.timeout(CONFIRMED_WITHIN_SECONDS):
                    await self._channels[channel].wait()
            except TimeoutError:
                return

    async def forget_all_but(self, channels: Iterable[str]) -> None:
        """Listen to no others any more."""
        needless = self._channels.keys() - set(channels)
        for channel in needless:
            del self._channels[channel]
        if needless:
            await self._say(lambda line: line.unsubscribe(*needless))

    async def _say(self, command: Callable[[PubSub], Awaitable[object]]) -> None:
        async with self._speaking:
            if self._line is None:
                return
            try:
                await command(self._line)
            except (*FAULTS, AttributeError, RuntimeError):
                # Whoever listens finds out too, and begins anew with all channels. When that came first, redis-py has
                # taken its connection to pieces under the command, and stumbles over what is missing.
                return

    async def _listen(self) -> None:
        while True:
            try:
                async with self._client.pubsub() as line:
                    await self._hear_on(line)
            except FAULTS as error:
                self._lose(error)
            except Exception as error:  # whatever it is, the next connection may hear again
                log.error("events_unheard", exc_info=error)
                self._lose(error)
            await asyncio.sleep(RECONNECT_EVERY_SECONDS)

    def _lose(self, error: Exception) -> None:
        if self._line is None:
            return
        self._line = None
        for confirmed in self._channels.values():
            confirmed.clear()
        log.warning("events_unheard", error=type(error).__name__)
        self._turned()

    async def _hear_on(self, line: PubSub) -> None:
        # Who asks for a channel meanwhile waits, and then finds the line.
        async with self._speaking:
            await line.subscribe(ALIVE, *self._channels)
            self._line = line
        self._turned()
        is_asked = False
        while True:
            message = await line.get_message(timeout=PING_EVERY_SECONDS)
            if message is not None:
                is_asked = False
                self._take(message["type"], message["channel"], message["data"])
                continue
            if is_asked:
                raise ConnectionError
            is_asked = True
            await line.ping()

    def _take(self, kind: str, channel: bytes | None, content: bytes) -> None:
        if channel is None:
            return
        name = channel.decode()
        if kind == "message":
            self._hear(name, content)
        elif kind == "subscribe" and name in self._channels:
            self._channels[name].set()
