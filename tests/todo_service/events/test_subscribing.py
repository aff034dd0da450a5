"""One connection to Redis hears for all streams of a process, whenever a stream comes and whatever is said there."""

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from tests.waiting import until
from todo_service.changes.events.subscriber import Subscriber


class Gate:
    """A way to Redis that lets nothing of a connection through before it is opened."""

    def __init__(self, redis_url):
        self._redis = urlsplit(redis_url)
        self._open = asyncio.Event()
        self.reached = asyncio.Event()

    @asynccontextmanager
    async def standing(self):
        """Give the URL by which Redis is reached through it."""
        async with await asyncio.start_server(self._pass, "127.0.0.1", 0) as server:
            yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"

    def open(self):
        """Let through what waits, and all that comes."""
        self._open.set()

    async def _pass(self, reader, writer):
        self.reached.set()
        await self._open.wait()
        there = await asyncio.open_connection(self._redis.hostname, self._redis.port)
        await asyncio.gather(copied(reader, there[1]), copied(there[0], writer))


async def copied(reader, writer):
    """Pass on what comes, until its end."""
    while some := await reader.read(65_536):
        writer.write(some)
    writer.close()


@pytest.fixture
def heard():
    """What was heard on which channel."""
    return []


@pytest.fixture
async def redis(redis_url):
    """The run's Redis."""
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.mark.needs_redis("listens to what it publishes")
class TestListening:
    async def test_while_the_connection_is_made(self, redis, redis_url, heard):
        """A channel that is asked for just then is listened to like those from before."""
        gate = Gate(redis_url)
        async with (
            gate.standing() as url,
            Subscriber.open(url, lambda *said: heard.append(said), lambda: None) as subscriber,
        ):
            await gate.reached.wait()
            listening = asyncio.create_task(subscriber.listen_to("td:ch:ada"))
            await asyncio.sleep(0)
            gate.open()
            await listening
            await until(lambda: subscriber.is_up)

            assert await redis.publish("td:ch:ada", 7) == 1
            await until(lambda: heard == [("td:ch:ada", b"7")])

    async def test_after_a_message_of_nobodys(self, redis, redis_url, heard):
        """What cannot be read costs the connection, not the hearing."""

        def hear(channel, message):
            heard.append(int(message))

        turns = []
        async with Subscriber.open(redis_url, hear, lambda: turns.append(1)) as subscriber:
            await until(lambda: subscriber.is_up)
            await subscriber.listen_to("td:ch:ada")
            await redis.publish("td:ch:ada", "nonsense")
            await until(lambda: len(turns) == 3)
            await redis.publish("td:ch:ada", 7)

            await until(lambda: heard == [7])
