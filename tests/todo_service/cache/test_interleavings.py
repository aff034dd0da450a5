"""No read misses an acknowledged write, whoever moves when and whatever breaks: and the proof can fail."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.redis import RedisClient, connect
from tests.servers import Valkey
from tests.todo_service.cache.world import Rules, World
from todo_service.todos.cache import Page, PageCache, Permit

SCHEDULES = st.lists(st.integers(0, 2047), min_size=40, max_size=40)
TRIES = 3_000


class WithoutPermit(PageCache):
    """Fills whatever was queried, whenever."""

    async def fill(self, user_id: str, digest: bytes, permit: Permit, page: Page) -> None:
        await self._step("fill")
        if keys := await self._redis.call("KEYS", "td:*"):
            await self._redis.call("HSET", keys[0], digest, page.pack())


class CountedPermit(PageCache):
    """Numbers its permits: a flush begins anew at one."""

    async def read(self, user_id: str, digest: bytes) -> Page | Permit | None:
        found = await super().read(user_id, digest)
        if not isinstance(found, Permit) or found.token.isdigit():
            return found
        number = await self._redis.call("INCR", "permits")
        [key] = await self._redis.call("KEYS", "td:*")
        await self._redis.call("HSET", key, "permit", number)
        return Permit(str(number).encode())


class Trusting(PageCache):
    """Reads on after a failed CLEAR."""

    def _is_distrusted(self, user_id: str) -> bool:
        return False


SABOTAGES = {
    "no permit": Rules(cache=WithoutPermit),
    "a counter as permit": Rules(cache=CountedPermit),
    "CLEAR before COMMIT": Rules(clears_before_commit=True),
    "reading on after a failed CLEAR": Rules(cache=Trusting),
    "no CLEAR when nothing changed": Rules(clears_when_nothing_changed=False),
    "joining a running query": Rules(joins_running_queries=True),
}


Play = Callable[[Rules, Sequence[int]], Awaitable[list[str]]]


@pytest.fixture(scope="module")
async def faults_of(valkey: Valkey) -> AsyncIterator[Play]:
    """Play a schedule in a world with these rules, and return what it got wrong.

    Each of its two replicas has a client. It empties the run's Valkey all the time, by one that waits for it.
    """
    patient = connect(valkey.url, read_timeout=30)
    async with RedisClient.open(valkey.url) as one, RedisClient.open(valkey.url) as other, patient:

        async def play(rules: Rules, schedule: Sequence[int]) -> list[str]:
            world = World([one, other], rules, patient.flushall)
            await world.play(schedule)
            return world.faults

        yield play


@pytest.mark.needs_redis("breaks it by itself, step by step")
class TestReadingYourWrites:
    @settings(max_examples=1200, deadline=None, suppress_health_check=list(HealthCheck))
    @given(schedule=SCHEDULES)
    async def test_holds_for_every_interleaving(self, faults_of, schedule):
        """Two replicas, three writers, four readers; commands and replies get lost, Valkey forgets, processes die."""
        assert await faults_of(Rules(), schedule) == []

    @pytest.mark.parametrize("name", SABOTAGES)
    async def test_is_seen_to_break(self, faults_of, name):
        """Each shortcut that the cache does not take is found out by some interleaving."""
        dice = random.Random(7)

        for _ in range(TRIES):
            if await faults_of(SABOTAGES[name], [dice.randrange(2048) for _ in range(40)]):
                return

        pytest.fail(f"{TRIES} interleavings did not notice {name}")
