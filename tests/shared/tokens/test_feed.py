"""How revocations reach a process: over a real Redis that is emptied, restarted and frozen."""

import asyncio
import json
import time

import pytest
from redis.asyncio import Redis

from shared.tokens import Principal, Revocations
from shared.tokens.feed import STREAM, followed
from shared.tokens.jwks import JwksSource
from tests.shared.tokens.key_server import key_server
from tests.waiting import until


def session(sid):
    return Principal("u", None, sid=sid, ver=1, own=True)


def payload(**said):
    return json.dumps({"exp": time.time() + 960, "context": {"request_id": None}} | said)


async def end(redis, **said):
    """Send an end as the relay of the auth-service does; return the entry's id."""
    entry = {"event_id": "e", "user_id": "u", "type": "revoked", "payload": payload(**said)}
    return await redis.xadd(STREAM, entry)


def nothing():
    """Be told of an ended key, and do nothing."""


@pytest.fixture
async def redis(redis_url):
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def revocations():
    return Revocations()


class TestHearing:
    @pytest.mark.parametrize(
        ("said", "hit"),
        [
            ({"kind": "sid", "id": "s"}, session("s")),
            ({"kind": "user", "id": "u", "ver": 2}, session("any")),
            ({"kind": "kid", "id": "k"}, Principal("u", None, sid="any", ver=1, kid="k", own=True)),
        ],
    )
    async def test_takes_a_moment(self, redis, redis_url, revocations, said, hit):
        """What is sent is known a moment later."""
        async with followed(redis_url, revocations, nothing):
            assert hit not in revocations
            await end(redis, **said)

            await until(lambda: hit in revocations, seconds=3)

    async def test_begins_before_the_start(self, redis, redis_url, revocations):
        """A process that has just started knows what ended while it was not there, before its first request."""
        await end(redis, kind="sid", id="ended while away")

        async with followed(redis_url, revocations, nothing):
            assert session("ended while away") in revocations
            assert not revocations.is_stale

    async def test_begins_no_earlier_than_tokens_live(self, redis, redis_url, revocations):
        """What ended longer ago hits no token any more, and is not read."""
        old = int((time.time() - 970) * 1000)
        await redis.xadd(STREAM, {"payload": payload(kind="sid", id="old")}, id=f"{old}-0")

        async with followed(redis_url, revocations, nothing):
            assert not revocations.is_stale
            assert len(revocations) == 0

    async def test_ten_thousand_at_once(self, redis, redis_url, revocations):
        """A mass logout is known as a whole within seconds, and told to listeners less often than it has ends."""
        heard = []
        async with followed(redis_url, revocations, nothing):
            revocations.listen(lambda: heard.append(1))
            for start in range(0, 10_000, 1000):
                async with redis.pipeline(transaction=False) as trip:
                    for number in range(start, start + 1000):
                        trip.xadd(STREAM, {"payload": payload(kind="sid", id=str(number))})
                    await trip.execute()
            await until(lambda: len(revocations) == 10_000)

        assert session("9999") in revocations
        assert len(heard) < 1000

    async def test_of_an_ended_key_reads_the_set_again(self, redis, redis_url, revocations, signing_key):
        """Its successor is there before the first token that it signs."""
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url) as source:
            await until(lambda: source.changes)
            async with followed(redis_url, revocations, source.refetch):
                await end(redis, kind="kid", id="stolen")

                await until(lambda: server.hits == 2)


class TestEntriesThatSayNothing:
    @pytest.mark.parametrize(
        "entry",
        [
            {"other": "field"},
            {"payload": ""},
            {"payload": "not json"},
            {"payload": "[]"},
            {"payload": "[" * 100_000},
            {"payload": "\ud800".encode("utf-8", "surrogatepass")},
            {"payload": payload()},
            {"payload": payload(kind="sid")},
            {"payload": payload(kind="sid", id="")},
            {"payload": payload(kind="sid", id=["s"])},
            {"payload": payload(kind="user", id="u")},
            {"payload": payload(kind="user", id="u", ver=True)},
            {"payload": payload(kind="user", id="u", ver="2")},
            {"payload": payload(kind="unheard of", id="x")},
            {"payload": payload(kind=["sid"], id="x")},
            {"payload": '{"kind": "sid", "id": "s"}'},
            {"payload": '{"kind": "sid", "id": "s", "exp": "soon"}'},
            {"payload": '{"kind": "sid", "id": "s", "exp": true}'},
            {"payload": '{"kind": "sid", "id": "s", "exp": NaN}'},
        ],
    )
    async def test_are_passed_over(self, redis, redis_url, revocations, entry, caplog):
        """They end nobody, and not the reading of those behind them."""
        await redis.xadd(STREAM, entry)
        await end(redis, kind="sid", id="behind it")

        async with followed(redis_url, revocations, nothing):
            assert session("behind it") in revocations
            assert len(revocations) == 1

    async def test_that_never_end_are_forgotten_like_others(self, redis, redis_url, revocations):
        """No entry is kept longer than any token lives."""
        await end(redis, kind="sid", id="s", exp=1e18)

        async with followed(redis_url, revocations, nothing):
            revocations.sweep(time.time() + 900)
            assert len(revocations) == 1
            revocations.sweep(time.time() + 961)
            assert len(revocations) == 0


class TestOutages:
    async def test_without_a_redis_the_start_goes_on(self, revocations):
        """It takes a second, and says that it is stale."""
        started = time.monotonic()
        async with followed("redis://127.0.0.1:1/0", revocations, nothing):
            assert 0.9 < time.monotonic() - started < 6
            assert revocations.remark() == "stale"

    async def test_an_emptied_redis_changes_nothing(self, redis, redis_url, revocations):
        """What was ended stays ended, what is sent again changes nothing, and what comes after is heard."""
        async with followed(redis_url, revocations, nothing):
            await end(redis, kind="sid", id="before")
            await until(lambda: session("before") in revocations)
            await redis.flushall()
            await end(redis, kind="sid", id="before")
            await end(redis, kind="sid", id="after")

            await until(lambda: session("after") in revocations, seconds=3)
            assert session("before") in revocations
            assert len(revocations) == 2

    async def test_a_restarted_redis_is_heard_again(self, new_valkey, revocations):
        """What the relay sends again then is heard, as is what is new."""
        valkey = new_valkey()
        async with followed(valkey.url, revocations, nothing):
            async with Redis.from_url(valkey.url) as redis:
                await end(redis, kind="sid", id="before")
            await until(lambda: session("before") in revocations)
            valkey.kill()
            valkey.start()
            async with Redis.from_url(valkey.url) as redis:
                await end(redis, kind="sid", id="after")

            await until(lambda: session("after") in revocations, seconds=3)
            assert session("before") in revocations

    async def test_a_frozen_redis_makes_it_stale(self, new_valkey):
        """Ten seconds after its last word it is stale; what was ended stays so; thawed, it is heard again."""
        valkey, revocations = new_valkey(), Revocations()
        async with followed(valkey.url, revocations, nothing):
            async with Redis.from_url(valkey.url) as redis:
                await end(redis, kind="sid", id="before")
            await until(lambda: session("before") in revocations)
            valkey.pause()
            try:
                started = time.monotonic()
                await until(lambda: revocations.is_stale, seconds=20)
                assert time.monotonic() - started > 9
                assert session("before") in revocations
            finally:
                valkey.resume()

            await until(lambda: not revocations.is_stale, seconds=10)
            async with Redis.from_url(valkey.url) as redis:
                await end(redis, kind="sid", id="after")
            await until(lambda: session("after") in revocations, seconds=3)


class TestStopping:
    async def test_takes_no_time(self, redis_url, revocations):
        """A read that blocks is broken off."""
        async with followed(redis_url, revocations, nothing):
            await asyncio.sleep(0)
            started = time.monotonic()

        assert time.monotonic() - started < 3
