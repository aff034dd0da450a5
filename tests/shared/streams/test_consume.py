"""A stream is read on and on: through lost groups, restarts of Redis and faults of single entries."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from shared.streams import Group, consume
from tests.waiting import until

GROUP = Group("s:events", "readers")


class Reader:
    """A consumer, and what it was handed."""

    def __init__(self):
        self.stop = asyncio.Event()
        self.seen = []
        self.beats = 0
        self.at_once = self.most_at_once = 0
        self.may_finish = asyncio.Event()
        self.may_finish.set()

    async def handle(self, entry):
        """Note the entry, and wait if the test wants that."""
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            if entry["n"] == "fault":
                raise ValueError
            await self.may_finish.wait()
            self.seen.append(entry["n"])
        finally:
            self.at_once -= 1

    def beat(self):
        """Count how often the loop came around."""
        self.beats += 1


@asynccontextmanager
async def reading(url):
    """Let a reader read in the background, until the block ends."""
    reader = Reader()
    consuming = asyncio.create_task(consume(url, GROUP, reader.handle, stop=reader.stop, beat=reader.beat))
    try:
        yield reader
    finally:
        reader.may_finish.set()
        reader.stop.set()
        async with asyncio.timeout(4):
            await consuming


@pytest.fixture
async def redis(redis_url):
    """The run's Redis, empty."""
    async with Redis.from_url(redis_url) as client:
        yield client


async def send(redis, *numbers):
    """Append an entry for each number."""
    for number in numbers:
        await redis.xadd(GROUP.stream, {"n": str(number)})


class TestReading:
    async def test_begins_with_the_oldest_entry(self, redis, redis_url):
        """What came before there was a group is handled too."""
        await send(redis, 1, 2)

        async with reading(redis_url) as reader:
            await until(lambda: reader.seen == ["1", "2"])
            await send(redis, 3)
            await until(lambda: reader.seen == ["1", "2", "3"])

    async def test_two_readers_share_the_entries(self, redis, redis_url):
        """Each entry goes to one of a group."""
        async with reading(redis_url) as one, reading(redis_url) as other:
            await send(redis, *range(20))
            await until(lambda: len(one.seen + other.seen) >= 20)

        assert sorted(one.seen + other.seen, key=int) == [str(number) for number in range(20)]

    async def test_ten_at_once_at_most(self, redis, redis_url):
        """The eleventh stays in the stream, for another reader to take, until a handler is free."""
        await send(redis, *range(15))

        async with reading(redis_url) as reader:
            reader.may_finish.clear()
            await until(lambda: reader.at_once == 10)
            async with reading(redis_url) as other:
                await until(lambda: len(other.seen) == 5)

        assert reader.most_at_once == 10

    async def test_a_fault_ends_nothing(self, redis, redis_url):
        """A handler that raises costs its own entry only."""
        async with reading(redis_url) as reader:
            await send(redis, "fault", 1)
            await until(lambda: reader.seen == ["1"])

    async def test_leaves_nothing_pending(self, redis, redis_url):
        """Entries are not acknowledged, and nobody keeps a list of them."""
        async with reading(redis_url) as reader:
            await send(redis, 1)
            await until(lambda: reader.seen == ["1"])

        assert (await redis.xpending(GROUP.stream, GROUP.name))["pending"] == 0


class TestStopping:
    async def test_finishes_what_is_in_hand(self, redis, redis_url):
        """The reader returns when its last handler has, and reads nothing meanwhile."""
        async with reading(redis_url) as reader:
            reader.may_finish.clear()
            await send(redis, 1)
            await until(lambda: reader.at_once == 1)
            reader.stop.set()
            await send(redis, 2)

        assert reader.seen == ["1"]

    async def test_does_not_wait_for_an_entry(self, redis_url):
        """A read that blocks is broken off at once."""
        reader = Reader()
        consuming = asyncio.create_task(consume(redis_url, GROUP, reader.handle, stop=reader.stop, beat=reader.beat))
        await until(lambda: reader.beats > 1)
        reader.stop.set()

        async with asyncio.timeout(3):
            await consuming


class TestOutages:
    async def test_survives_a_flush(self, redis, redis_url):
        """A Redis that has forgotten stream and group gets them again, and loses nothing that comes after."""
        async with reading(redis_url) as reader:
            await send(redis, 1)
            await until(lambda: reader.seen == ["1"])
            await redis.flushall()
            await send(redis, 2)

            await until(lambda: reader.seen == ["1", "2"])

    async def test_survives_a_restart(self, new_valkey):
        """A Redis that was away is found again, and the loop did not stand still meanwhile."""
        valkey = new_valkey()
        async with reading(valkey.url) as reader:
            async with Redis.from_url(valkey.url) as before:
                await send(before, 1)
            await until(lambda: reader.seen == ["1"])
            valkey.kill()
            beats = reader.beats
            await until(lambda: reader.beats > beats + 1)
            valkey.start()
            async with Redis.from_url(valkey.url) as after:
                await send(after, 2)

            await until(lambda: reader.seen == ["1", "2"])
