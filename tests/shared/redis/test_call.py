"""`RedisClient.call`: many callers on one connection, and a Redis that fails fast."""

import asyncio
import time

import pytest
from redis.exceptions import NoScriptError, ResponseError

from shared.redis import RedisClient, RedisUnavailable
from tests.servers import NewValkey


@pytest.fixture
async def client(redis_url):
    """A client of the run's Valkey."""
    async with RedisClient.open(redis_url) as client:
        yield client


class TestACall:
    async def test_answers_each_caller_what_they_asked(self, new_valkey: NewValkey):
        """However many ask at once, over one connection."""
        async with RedisClient.open(new_valkey().url) as client:

            async def set_and_get(number: int) -> bytes:
                await client.call("SET", f"key {number}", number)
                return await client.call("GET", f"key {number}")

            answers = await asyncio.gather(*(set_and_get(number) for number in range(200)))

            assert answers == [str(number).encode() for number in range(200)]
            assert (await client.call("CLIENT", "LIST", "TYPE", "normal")).count(b"\n") == 1

    async def test_carries_any_bytes_and_shapes(self, client):
        """Large values, null, numbers and lists."""
        large = bytes(range(256)) * 4096
        await client.call("SET", "large", large)

        assert await client.call("GET", "large") == large
        assert await client.call("GET", "absent") is None
        assert await client.call("EVAL", "return {1, ARGV[1], {2}}", 0, b"\r\n") == [1, b"\r\n", [2]]

    async def test_raises_what_redis_says(self, client):
        """An error answer is no failure of the connection."""
        with pytest.raises(NoScriptError):
            await client.call("EVALSHA", "0" * 40, 0)
        for _ in range(5):
            with pytest.raises(ResponseError):
                await client.call("NONSENSE")

        assert client.is_up

    async def test_a_caller_who_gives_up_takes_nobodys_answer(self, client):
        """The reply to a cancelled question is dropped, the next ones reach their callers."""
        await client.call("PING")
        given_up = asyncio.ensure_future(client.call("GET", "nobody"))
        await asyncio.sleep(0)
        given_up.cancel()

        assert await client.call("ECHO", "mine") == b"mine"

    async def test_selects_the_database_of_the_url(self, redis_url):
        """`redis://…/3` is the third."""
        async with (
            RedisClient.open(redis_url.removesuffix("/0") + "/3") as third,
            RedisClient.open(redis_url) as client,
        ):
            await third.call("SET", "key", "there")

            assert await third.call("GET", "key") == b"there"
            assert await client.call("GET", "key") is None


class TestAnOutage:
    async def test_of_a_frozen_redis_costs_a_tenth_of_a_second(self, new_valkey: NewValkey):
        """All who wait hear of it together; then the breaker is open, until Redis moves again."""
        server = new_valkey()
        async with RedisClient.open(server.url) as client:
            await client.call("SET", "key", "value")
            await asyncio.to_thread(server.pause)
            started = time.monotonic()

            answers = await asyncio.gather(*(client.call("GET", "key") for _ in range(100)), return_exceptions=True)

            assert {type(answer) for answer in answers} == {RedisUnavailable}
            assert time.monotonic() - started < 5
            assert not client.is_up
            await asyncio.to_thread(server.resume)
            async with asyncio.timeout(5):
                while not client.is_up:
                    await asyncio.sleep(0.02)
            assert await client.call("GET", "key") == b"value"

    async def test_of_a_refused_one_is_heard_at_once(self):
        """Nobody waits for a port where nobody listens."""
        async with RedisClient.open("redis://127.0.0.1:1/0") as client:
            started = time.monotonic()

            for _ in range(4):
                with pytest.raises(RedisUnavailable):
                    await client.call("PING")

            assert time.monotonic() - started < 2

    async def test_a_restart_needs_no_new_client(self, new_valkey: NewValkey):
        """The next call opens a connection of its own."""
        server = new_valkey()
        async with RedisClient.open(server.url) as client:
            await client.call("PING")
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)

            async with asyncio.timeout(5):
                while True:
                    try:
                        assert await client.call("PING") == b"PONG"
                        break
                    except RedisUnavailable:
                        await asyncio.sleep(0.02)
