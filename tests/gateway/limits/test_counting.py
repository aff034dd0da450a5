"""The algorithm, in the process and in Redis: both give the numbers of a bucket that fills up steadily."""

import asyncio
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.configuration.config import RateConfig
from gateway.limits import LocalCounts, RedisCounts, Rule, Verdict
from gateway.limits.shared import COUNT, DIGEST
from shared.redis import RedisClient
from tests.proofs import rounds

NOW = 1_800_000_000_000_000
SECOND = 1_000_000
BY_ARGUMENT = COUNT.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}")
"""The script by the test's clock."""


@dataclass
class Bucket:
    """What the limit means: room for `burst` requests, of which one comes back after each `interval`."""

    rule: Rule
    at: int = 0
    room: Fraction | None = None

    def take(self, now: int) -> Verdict:
        """Take one out, if there is one."""
        interval, burst = self.rule.interval, Fraction(self.rule.tolerance, self.rule.interval)
        room = burst if self.room is None else min(burst, self.room + Fraction(now - self.at, interval))
        allowed = room >= 1
        self.at, self.room = now, room - 1 if allowed else room
        missing = (burst - self.room) * interval
        return Verdict(int(allowed), int(self.room), int(missing), 0 if allowed else int((1 - self.room) * interval))


def rules() -> st.SearchStrategy[Rule]:
    """Limits so slow that no key expires while a test has it, by a clock of its own."""
    rates = st.builds(RateConfig, rate=st.integers(1, 7), per=st.integers(600, 3600), burst=st.integers(1, 9))
    replicas = st.integers(1, 3)
    return st.builds(lambda config, number: Rule.of("api", config, 1).divided(number), rates, replicas)


steps = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2000 * SECOND)), min_size=1, max_size=40)


@pytest.fixture
async def redis(redis_url):
    """The run's Valkey."""
    async with RedisClient.open(redis_url) as client:
        yield client


class TestCounting:
    @settings(deadline=None)
    @given(rules(), steps)
    def test_is_a_bucket(self, rule, steps):
        """Whoever asks, and whenever: the process lets in what fits, and says how much still does, and from when."""
        now = NOW
        counts, buckets = LocalCounts(clock=lambda: now), {key: Bucket(rule) for key in "abc"}
        for key, pause in steps:
            now += pause
            assert counts.count(key, rule) == buckets[key].take(now)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=rounds(500))
    @given(rules(), steps, st.integers(1, 5))
    async def test_is_the_same_in_redis(self, redis, rule, steps, together):
        """The script gives the same numbers, also when a key stands in one call several times."""
        await redis.call("DEL", *"abc")
        now = NOW
        counts = LocalCounts(clock=lambda: now)
        while steps:
            (_, pause), *_ = steps
            now += pause
            keys = [key for key, _ in steps[:together]]
            steps = steps[together:]
            numbers = [number for _ in keys for number in (rule.interval, rule.tolerance)]
            time = (now // SECOND, now % SECOND)
            found = await redis.call("EVAL", BY_ARGUMENT, len(keys), *keys, *numbers, *time)
            assert found == [list(counts.count(key, rule)) for key in keys]

    async def test_a_limit_that_got_narrower(self, redis):
        """What was taken under a wider limit, or by a clock that was wrong, counts as much as this one lets in."""
        now = NOW
        wide = Rule.of("api", RateConfig(rate=1, per=600, burst=100), 1)
        narrow = Rule.of("api", RateConfig(rate=1, per=60, burst=2), 1)
        local, shared = LocalCounts(clock=lambda: now), RedisCounts(redis)
        for _ in range(50):
            local.count("a", wide)
            await shared.count("a", wide)

        assert local.count("a", narrow) == (0, 0, narrow.tolerance, narrow.interval)
        assert await shared.count("a", narrow) == (0, 0, narrow.tolerance, narrow.interval)


class TestTheScript:
    rule = Rule.of("api", RateConfig(rate=1, per=600, burst=3), 1)

    async def test_goes_by_the_clock_of_redis(self, redis):
        """Replicas whose clocks differ count the same time."""
        before = await redis.call("TIME")
        verdict = await RedisCounts(redis).count("a", self.rule)
        after = await redis.call("TIME")

        made_up_at = int(await redis.call("GET", "a"))
        assert verdict == (1, 2, self.rule.interval, 0)
        first, last = (int(seconds) * SECOND + int(micro) for seconds, micro in (before, after))
        assert first <= made_up_at - self.rule.interval <= last

    async def test_leaves_nothing_behind(self, redis):
        """A key lives until its client's quota is whole again: then it says nothing that nobody knows."""
        await RedisCounts(redis).count("a", self.rule)

        assert 0 < await redis.call("PTTL", "a") <= self.rule.interval // 1000

    async def test_goes_once_for_all_who_ask_in_one_turn(self, redis):
        """Ten requests that come together are one command."""
        counts = RedisCounts(redis)
        await counts.count("warm", self.rule)
        await redis.call("CONFIG", "RESETSTAT")
        verdicts = [counts.count(key, self.rule) for key in "aaaaabbbbb"]
        allowed = [(await verdict).is_allowed for verdict in verdicts]

        assert allowed == [1, 1, 1, 0, 0] * 2
        assert "cmdstat_evalsha:calls=1," in (await redis.call("INFO", "commandstats")).decode()

    async def test_is_sent_again_when_redis_has_forgotten_it(self, redis):
        """A Redis that was restarted gets the script with the next request, which counts."""
        counts = RedisCounts(redis)
        await counts.count("a", self.rule)
        await redis.call("SCRIPT", "FLUSH")

        assert await counts.count("a", self.rule) == (1, 1, pytest.approx(1200 * SECOND, abs=60 * SECOND), 0)
        assert await redis.call("SCRIPT", "EXISTS", DIGEST) == [1]

    async def test_a_client_that_leaves(self, redis):
        """Who does not wait for the count disturbs nobody who came with them."""
        counts = RedisCounts(redis)
        gone, stays = counts.count("a", self.rule), counts.count("b", self.rule)
        gone.cancel()

        async with asyncio.timeout(10):
            assert (await stays).is_allowed


class TestTheTable:
    @pytest.mark.parametrize("burst", [1, 2])
    def test_is_bounded(self, burst):
        """However many addresses there are, it holds so many: who was not heard of for longest, let in or not, goes."""
        counts = LocalCounts(most_keys=3)
        rule = Rule.of("api", RateConfig(rate=1, per=600, burst=burst), 1)
        for key in ("first", "second", "third", "first", "fourth"):
            counts.count(key, rule)

        assert len(counts) == 3
        assert counts.count("second", rule).remaining == burst - 1
        assert counts.count("first", rule).is_allowed == 0

    def test_forgets_no_sooner(self):
        """By default a hundred thousand."""
        counts, rule = LocalCounts(), Rule.of("api", RateConfig(rate=1, per=600, burst=1), 1)
        for number in range(100_001):
            counts.count(str(number), rule)

        assert len(counts) == 100_000


class TestDividing:
    @settings(deadline=None)
    @given(rules(), st.integers(1, 8))
    def test_replicas_let_in_what_one_would(self, rule, replicas):
        """So many that count alone let in, together, the burst and the rate of the limit; each at least one."""
        one = rule.divided(replicas)

        assert one.interval == rule.interval * replicas
        assert one.tolerance // one.interval == max(1, rule.tolerance // one.interval)
