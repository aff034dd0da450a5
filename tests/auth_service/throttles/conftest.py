"""The counts, in Redis and in the process, and how time passes for each."""

import pytest
from redis.asyncio import Redis

from auth_service.throttles.throttles import Throttles
from shared.redis import RedisClient
from tests.auth_service.running import NO_REDIS

SECRET = b"a key of the tests, of 32 bytes."


class Counts:
    """Throttles of a test, whose clock is the test's."""

    def __init__(self, throttles, pass_time):
        self.throttles = throttles
        self.pass_time = pass_time

    async def admitted(self, limit, tries, subject="ada"):
        """How many of so many tries are let in."""
        answers = [await self.throttles.count(self.throttles.bucket(limit, subject)) for _ in range(tries)]
        return answers.count(None)

    async def wait(self, limit, subject="ada"):
        """How many seconds the next try would have to wait, 0 when it is let in."""
        refusal = await self.throttles.look(self.throttles.bucket(limit, subject))
        return refusal.seconds if refusal else 0


@pytest.fixture
async def in_redis(redis_url):
    """Counts in Redis, where time passes when what is left of each key's life is taken away."""
    async with RedisClient.open(redis_url) as client, Redis.from_url(redis_url) as bare:

        async def pass_time(seconds):
            for key in await bare.keys():
                await bare.pexpire(key, await bare.pttl(key) - int(seconds * 1000))

        yield Counts(Throttles(client, SECRET, 1), pass_time)


@pytest.fixture
async def in_process():
    """Counts in the process, because nobody listens at the address of Redis."""
    async with RedisClient.open(NO_REDIS) as client:
        throttles, now = Throttles(client, SECRET, 1), [1000.0]
        throttles._local._clock = lambda: now[0]

        async def pass_time(seconds):
            now[0] += seconds

        yield Counts(throttles, pass_time)


@pytest.fixture(params=["redis", "process"])
def counts(request, in_redis, in_process):
    """Either of them."""
    return {"redis": in_redis, "process": in_process}[request.param]
