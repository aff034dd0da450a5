"""Redis is away in every way that there is, under load: time is lost, but no todo, no mail and no revocation."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from devstack.places import temporary_folder
from devstack.ports import free_ports
from tests.proofs import rounds
from tests.relay import Relay
from tests.running_set import RunningSet, started_in
from tests.system.outages.conftest import Inside
from tests.system.outages.load import Load, at_most, under_load
from tests.system.test_ending_sessions import is_answered, log_in, log_out
from tests.waiting import until

pytestmark = pytest.mark.kills

ANSWERS = rounds(500)
"""How many are awaited in each phase."""
RECOVERY_SECONDS = 30
SLOWER_SECONDS = 0.1
"""One wait for Redis: in an outage that is noticed nobody pays even this."""


@dataclass(frozen=True)
class Way:
    """A way to be away: how it begins, how it ends, and whether Redis is given up meanwhile."""

    begin: Callable[["Place"], Awaitable[None]]
    end: Callable[["Place"], Awaitable[None]]
    is_noticed: bool = True

    @asynccontextmanager
    async def under_way(self, at: "Place") -> AsyncIterator[None]:
        """Let it be away while entered."""
        try:
            await self.begin(at)
            yield
        finally:
            await self.end(at)


@dataclass(frozen=True)
class Place:
    """A set, the relay by which its processes reach Redis, and that Redis itself."""

    running: RunningSet
    relay: Relay
    redis: Redis

    async def signal(self, number: signal.Signals) -> None:
        """Send a signal to Redis."""
        self.running.signal("valkey", number)

    async def remember(self, policy: str, most: str) -> None:
        """Let it hold so much memory."""
        await self.redis.config_set("maxmemory-policy", policy)
        await self.redis.config_set("maxmemory", most)

    async def forget(self) -> None:
        """Empty it."""
        await self.redis.flushall()

    async def nothing(self) -> None:
        """Leave it as it is."""


WAYS = {
    "stopped": Way(lambda at: at.relay.stop(), lambda at: at.relay.open()),
    "frozen": Way(lambda at: at.signal(signal.SIGSTOP), lambda at: at.signal(signal.SIGCONT)),
    "refusing": Way(lambda at: at.relay.refuse(), lambda at: at.relay.open()),
    "silent": Way(lambda at: at.relay.silence(), lambda at: at.relay.open()),
    "out of memory": Way(
        lambda at: at.remember("noeviction", "1"), lambda at: at.remember("volatile-ttl", "128mb"), is_noticed=False
    ),
    "emptied": Way(Place.forget, Place.forget, is_noticed=False),
    "restarted": Way(lambda at: at.signal(signal.SIGKILL), Place.nothing, is_noticed=False),
}


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[Place]:
    """A set of this module's own."""
    [port] = free_ports(1)
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        # Starting blocks, so the relay comes after it: nobody needs Redis to start.
        running = await asyncio.to_thread(
            stack.enter_context, started_in(folder, REDIS_URL=f"redis://127.0.0.1:{port}/0")
        )
        url = running.stack()["urls"]["redis"]
        async with Relay(port, urlsplit(url).port).running() as relay, Redis.from_url(url) as redis:
            yield Place(running, relay, redis)


@pytest.fixture(scope="module")
def running_set(place: Place) -> RunningSet:
    """The set that people use here."""
    return place.running


class TestAnOutage:
    @pytest.mark.parametrize("way", WAYS)
    async def test_of_redis(self, place, inside, people, mails_to, way):
        """Every answer is good, fresh and hardly late; by itself all is as before, mails and revocations included."""
        outage, ada, pids = WAYS[way], people[0], inside.pids
        await until(lambda: _redis_is_used(inside), RECOVERY_SECONDS)
        gone = await log_in(ada)
        await log_out(ada, gone)

        async with under_load(people) as load:
            await load.goes_on(ANSWERS)
            async with outage.under_way(place):
                load.phase = "at first"
                leaving = await log_in(ada)
                if outage.is_noticed:
                    await until(lambda: _redis_is_given_up(inside), RECOVERY_SECONDS)
                load.phase = "during"
                await load.goes_on(ANSWERS)
                assert await is_answered(ada.client, 401, gone)
                assert (await ada.client.post("/auth/logout", headers={"Authorization": leaving})).status_code == 204
            load.phase = "after"
            recovery = await _took(lambda: _redis_is_used(inside))
            await load.goes_on(ANSWERS)

        assert load.bad() == {}
        assert load.stale == []
        _tell(way, load, recovery)
        assert at_most(50, load.during("during")) < at_most(50, load.during("before")) + SLOWER_SECONDS
        await until(lambda: is_answered(ada.client, 401, leaving), RECOVERY_SECONDS)
        assert await is_answered(ada.client, 401, gone)
        await inside.hurry()
        await until(inside.has_nothing_open, RECOVERY_SECONDS)
        for person in people:
            sent = [subject for subject in await mails_to(person.email) if subject.startswith("Todo created")]
            assert sorted(sent) == sorted(f"Todo created: {title}" for title in load.titles[person.email])
        assert await inside.stored(load) == load.acknowledged
        assert inside.pids == pids


async def _redis_is_used(inside: Inside) -> bool:
    return await inside.figure("redis_up") == {1}


async def _redis_is_given_up(inside: Inside) -> bool:
    """Whether somebody has; who does not need it does not notice."""
    return 0 in await inside.figure("redis_up")


async def _took(holds: Callable[[], Awaitable[bool]]) -> float:
    clock = asyncio.get_running_loop().time
    began = clock()
    await until(holds, RECOVERY_SECONDS)
    return clock() - began


def _tell(way: str, load: Load, recovery: float) -> None:
    times = ", ".join(
        f"{phase} {at_most(99, load.during(phase)) * 1000:.0f} ms" for phase in ("before", "at first", "during")
    )
    sys.stdout.write(f"Redis {way}: p99 {times} (bar: + 10 ms); it is used again after {recovery:.2f} s (bar: 3 s)\n")
