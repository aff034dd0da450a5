"""A stream is followed from a place that the reader keeps: in order, and through a Redis that is away."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from shared.streams import Follower, Place, follow
from tests.waiting import until

STREAM = "s:broadcast"


class Reader:
    """What was followed so far."""

    def __init__(self):
        self.stop = asyncio.Event()
        self.ids = []
        self.seen = []
        self.beats = 0
        self.seen_when_level = []
        self.may_finish = asyncio.Event()
        self.may_finish.set()

    async def follow(self, entry_id, entry):
        """Note the entry, and wait if the test wants that."""
        if entry["n"] == "fault":
            raise ValueError
        self.seen.append(entry["n"])
        self.ids.append(entry_id)
        await self.may_finish.wait()

    def level(self):
        """Note how much had been seen when there was no more."""
        self.seen_when_level.append(len(self.seen))

    @property
    def parts(self):
        """As `follow` takes it."""
        return Follower(self.follow, self.level)

    def beat(self):
        """Count how often the loop came around."""
        self.beats += 1


@asynccontextmanager
async def following(url, after="0"):
    """Let somebody follow in the background, until the block ends."""
    follower = Reader()
    place = Place(STREAM, after)
    task = asyncio.create_task(follow(url, place, follower.parts, stop=follower.stop, beat=follower.beat))
    try:
        yield follower
    finally:
        follower.may_finish.set()
        follower.stop.set()
        async with asyncio.timeout(4):
            await task


@pytest.fixture
async def redis(redis_url):
    """The run's Redis, empty."""
    async with Redis.from_url(redis_url) as client:
        yield client


async def send(redis, *numbers):
    """Append an entry for each number and return their ids."""
    return [(await redis.xadd(STREAM, {"n": str(number)})).decode() for number in numbers]


class TestFollowing:
    async def test_goes_on_behind_its_place(self, redis, redis_url):
        """What came up to the kept id is not read again; the ids that are handed out are those to keep."""
        ids = await send(redis, 1, 2, 3)

        async with following(redis_url, after=ids[0]) as follower:
            await until(lambda: follower.seen == ["2", "3"])
            ids += await send(redis, 4)
            await until(lambda: follower.ids == ids[1:])

    async def test_two_followers_see_everything(self, redis, redis_url):
        """Nobody takes an entry away from another."""
        async with following(redis_url) as one, following(redis_url) as other:
            await send(redis, *range(5))
            await until(lambda: one.seen == other.seen == ["0", "1", "2", "3", "4"])

    async def test_a_fault_ends_it(self, redis, redis_url):
        """The entry was not dealt with, so nothing behind it is read: its follower begins again at its place."""
        await send(redis, 1, "fault", 2)
        follower = Reader()

        with pytest.raises(ValueError):
            await follow(redis_url, Place(STREAM, "0"), follower.parts, stop=follower.stop, beat=follower.beat)

        assert follower.seen == ["1"]


class TestBeingLevel:
    async def test_comes_after_all_that_there_was(self, redis, redis_url):
        """A backlog of several reads is told to be over once, at its end."""
        await send(redis, *range(250))

        async with following(redis_url) as follower:
            await until(lambda: follower.seen_when_level)

        assert follower.seen_when_level[0] == 250

    async def test_is_told_at_once(self, redis_url):
        """Where there is nothing to read, the first read does not wait for something."""
        started = asyncio.get_running_loop().time()

        async with following(redis_url) as follower:
            await until(lambda: follower.seen_when_level == [0])

        assert asyncio.get_running_loop().time() - started < 3

    async def test_is_not_told_while_redis_is_away(self, new_valkey):
        """And it is told soon after Redis is back, although nothing came."""
        valkey = new_valkey()
        async with following(valkey.url) as follower:
            await until(lambda: follower.seen_when_level)
            valkey.kill()
            beats, told = follower.beats, len(follower.seen_when_level)
            await until(lambda: follower.beats > beats + 1)
            assert len(follower.seen_when_level) == told
            valkey.start()

            await until(lambda: len(follower.seen_when_level) > told, seconds=10)


class TestStopping:
    async def test_finishes_the_entry_in_hand(self, redis, redis_url):
        """No other one is begun."""
        await send(redis, 1, 2)

        async with following(redis_url) as follower:
            follower.may_finish.clear()
            await until(lambda: follower.seen == ["1"])
            follower.stop.set()

        assert follower.seen == ["1"]

    async def test_does_not_wait_for_an_entry(self, redis_url):
        """A read that blocks is broken off at once."""
        async with following(redis_url) as follower:
            await until(lambda: follower.beats)
            started = asyncio.get_running_loop().time()

        assert asyncio.get_running_loop().time() - started < 3

    @pytest.mark.parametrize("turns", range(8))
    async def test_does_not_wait_for_a_read_that_begins(self, redis_url, turns):
        """However soon after the beginning of a read it is, the read is broken off."""
        follower, loop = Reader(), asyncio.get_running_loop()

        def stop_in(more):
            if more:
                loop.call_soon(stop_in, more - 1)
            else:
                follower.stop.set()

        place, parts = Place(STREAM, "0"), Follower(follower.follow, lambda: stop_in(turns))
        async with asyncio.timeout(3):
            await follow(redis_url, place, parts, stop=follower.stop, beat=follower.beat)


class TestOutages:
    async def test_survives_a_restart(self, new_valkey):
        """A Redis that has forgotten the stream, and numbers on by its clock, is read on."""
        valkey = new_valkey()
        async with following(valkey.url) as follower:
            async with Redis.from_url(valkey.url) as before:
                await send(before, 1)
            await until(lambda: follower.seen == ["1"])
            valkey.kill()
            beats = follower.beats
            await until(lambda: follower.beats > beats + 1)
            valkey.start()
            async with Redis.from_url(valkey.url) as after:
                await send(after, 2)

            await until(lambda: follower.seen == ["1", "2"])
