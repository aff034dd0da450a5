"""How attempts are counted, in Redis, and in the process while that is away."""

import asyncio

import pytest

from auth_service.throttles.local import MOST_KEYS, LocalCounts
from auth_service.throttles.rules import Bucket, Limit, Mode, Rule

WINDOWS = {
    Limit.LOGINS: (20, 60),
    Limit.REGISTRATIONS: (20, 3600),
    Limit.MAILS_ASKED: (20, 3600),
    Limit.ONE_TIME_TOKENS: (20, 60),
    Limit.REFUSED_REFRESHES: (60, 60),
    Limit.MAILS_TO: (3, 3600),
    Limit.RESETS_TO: (3, 3600),
}
PASSWORDS = [Limit.PASSWORDS, Limit.PASSWORDS_ON_DEVICE]


class TestAWindow:
    @pytest.mark.parametrize("limit", WINDOWS)
    async def test_lets_in_so_many(self, in_redis, limit):
        """So many within so many seconds; the next has to wait until they are over, and then it begins anew."""
        most, seconds = WINDOWS[limit]

        assert await in_redis.admitted(limit, most + 5) == most
        assert seconds - 1 <= await in_redis.wait(limit) <= seconds
        await in_redis.pass_time(seconds - 2)
        assert 1 <= await in_redis.wait(limit) <= 2
        await in_redis.pass_time(2)
        assert await in_redis.admitted(limit, most + 5) == most

    @pytest.mark.parametrize("limit", WINDOWS)
    async def test_lets_in_half_without_redis(self, in_process, limit):
        """Each process counts on its own: at half the rate two replicas let in no more than one Redis does."""
        most, seconds = WINDOWS[limit]

        assert await in_process.admitted(limit, most) == most // 2
        await in_process.pass_time(seconds - 2)
        assert await in_process.wait(limit) == 2
        await in_process.pass_time(2)
        assert await in_process.admitted(limit, most) == most // 2


class TestPasswords:
    @pytest.mark.parametrize("limit", PASSWORDS)
    async def test_pauses_double(self, in_redis, limit):
        """Five at once, then one after each of 2, 4, 8 … seconds, up to fifteen minutes."""
        pauses = []

        assert await in_redis.admitted(limit, 8) == 5
        for _ in range(10):
            pauses.append(await in_redis.wait(limit))
            await in_redis.pass_time(pauses[-1])
            await in_redis.admitted(limit, 1)

        # The last one is as long as it takes to forget, so that all begins anew.
        assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900]
        assert await in_redis.wait(limit) == 0

    async def test_are_slower_without_redis(self, in_process):
        """Half as many at once, and pauses twice as long."""
        pauses = []

        assert await in_process.admitted(Limit.PASSWORDS, 8) == 2
        for _ in range(3):
            pauses.append(await in_process.wait(Limit.PASSWORDS))
            await in_process.pass_time(pauses[-1])
            await in_process.admitted(Limit.PASSWORDS, 1)

        assert pauses == [4, 8, 16]

    async def test_refused_ones_do_not_count(self, counts):
        """Who goes on trying during a pause does not make it longer for the owner."""
        await counts.admitted(Limit.PASSWORDS, 5)
        pause = await counts.wait(Limit.PASSWORDS)

        assert await counts.admitted(Limit.PASSWORDS, 50) == 0
        assert await counts.wait(Limit.PASSWORDS) == pause

    async def test_are_forgotten_after_a_quiet_quarter_of_an_hour(self, counts):
        """Before that, what was tried long ago still counts."""
        free = await counts.admitted(Limit.PASSWORDS, 8)
        await counts.pass_time(899)
        assert await counts.admitted(Limit.PASSWORDS, 8) == 1
        await counts.pass_time(900)

        assert await counts.admitted(Limit.PASSWORDS, 8) == free

    async def test_are_forgotten_when_told(self, counts):
        """A right password clears the count."""
        free = await counts.admitted(Limit.PASSWORDS, 8)

        await counts.throttles.clear(counts.throttles.bucket(Limit.PASSWORDS, "ada"))

        assert await counts.admitted(Limit.PASSWORDS, 8) == free


class TestSeveralBuckets:
    async def test_are_all_counted_or_none(self, counts):
        """What one of them refuses is counted in none: being refused by one costs nobody a try in another."""
        logins, passwords = (counts.throttles.bucket(limit, "x") for limit in (Limit.LOGINS, Limit.PASSWORDS))
        while await counts.throttles.count(passwords) is None:
            pass

        refusals = [await counts.throttles.count(logins, passwords) for _ in range(30)]

        assert {refusal.limit for refusal in refusals} == {Limit.PASSWORDS}
        assert await counts.throttles.count(logins) is None

    async def test_say_the_longest_wait(self, counts):
        """With two of them full, it is the slower one that counts."""
        logins, passwords = (counts.throttles.bucket(limit, "x") for limit in (Limit.LOGINS, Limit.PASSWORDS))
        for bucket in (logins, passwords):
            while await counts.throttles.count(bucket) is None:
                pass

        assert (await counts.throttles.count(passwords, logins)).limit is Limit.LOGINS

    async def test_do_not_know_each_other(self, counts):
        """Another limit, or another subject, is another count."""
        await counts.admitted(Limit.MAILS_TO, 9)

        assert await counts.wait(Limit.MAILS_TO, "grace") == 0
        assert await counts.wait(Limit.MAILS_ASKED) == 0


class TestARefusal:
    async def test_says_whether_it_is_the_first(self, counts):
        """Of each pause one refusal is written down, not every one of a flood."""
        bucket = counts.throttles.bucket(Limit.PASSWORDS, "ada")
        told = []
        for _ in range(2):
            while (refusal := await counts.throttles.count(bucket)) is None:
                pass
            told += [refusal.is_first, (await counts.throttles.count(bucket)).is_first]
            await counts.pass_time(refusal.seconds)

        assert told == [True, False, True, False]

    async def test_looking_counts_nothing(self, counts):
        """Who only looks uses up no try."""
        assert [await counts.wait(Limit.MAILS_TO) for _ in range(10)] == [0] * 10


class TestManyAtOnce:
    async def test_are_counted_one_by_one(self, in_redis):
        """Of a hundred in the same moment as many are let in as one after the other."""
        bucket = in_redis.throttles.bucket(Limit.PASSWORDS, "ada")

        answers = await asyncio.gather(*(in_redis.throttles.count(bucket) for _ in range(100)))

        assert answers.count(None) == 5


class TestKeys:
    async def test_show_neither_address_nor_account(self, in_redis, valkey):
        """What Redis holds is MACs and numbers."""
        await in_redis.admitted(Limit.PASSWORDS, 1, "ada@example.com")
        await in_redis.admitted(Limit.LOGINS, 1, "192.0.2.77")

        keys = valkey.ask("KEYS *")

        assert keys.count("auth:tries:") == 2
        assert not any(known in keys for known in ("ada", "example", "192", "logins", "passwords"))


class TestTheCountsOfAProcess:
    def test_are_at_most_so_many(self):
        """A flood from everywhere fills no memory: what was counted longest ago is forgotten."""
        counts, rule = LocalCounts(), Rule(20, 60)

        for number in range(MOST_KEYS + 1000):
            counts.run(Mode.COUNT, [Bucket(Limit.LOGINS, f"auth:tries:{number}", rule)])

        assert len(counts) == MOST_KEYS
