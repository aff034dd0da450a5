"""A Redis that is away costs a request next to nothing, and comes back by itself."""

import asyncio
import time

import pytest
import uvloop
from redis.exceptions import ResponseError

from devstack.ports import free_ports
from shared.redis import RedisClient, RedisUnavailable
from tests.relay import Relay
from tests.waiting import EVERY_SECONDS, until


@pytest.fixture
def server(new_valkey):
    """A server that the test may stop and freeze."""
    return new_valkey()


@pytest.fixture
async def client(server):
    """A client of it."""
    async with RedisClient.open(server.url) as client:
        yield client


async def ping(client: RedisClient) -> bool:
    """Ask for a sign of life."""
    return bool(await client.run(lambda redis: redis.ping()))


async def fail_until_open(client: RedisClient) -> None:
    """Use a Redis that is away until the breaker has noticed."""
    for _ in range(3):
        with pytest.raises(RedisUnavailable):
            await ping(client)


class TestTheBreaker:
    async def test_lets_commands_through(self, client):
        """A Redis that answers is asked."""
        assert await ping(client)
        assert client.is_up

    async def test_opens_after_three_failures(self, client, server):
        """From then on nobody waits: a call is refused without a look at the network."""
        server.pause()
        await fail_until_open(client)

        started = time.perf_counter()
        for _ in range(100):
            with pytest.raises(RedisUnavailable):
                await ping(client)

        assert time.perf_counter() - started < 5, "a hundred times a tenth of a second is ten"
        assert not client.is_up
        server.resume()

    async def test_a_frozen_server_costs_a_tenth_of_a_second(self, client, server):
        """A command waits 100 ms for a server that does not answer, and is not repeated."""
        await ping(client)
        server.pause()

        started = time.perf_counter()
        with pytest.raises(RedisUnavailable):
            await ping(client)

        assert 0.05 < time.perf_counter() - started < 2
        server.resume()

    async def test_a_refused_port_costs_nothing(self, client, server):
        """No client library retries for seconds."""
        server.stop()

        started = time.perf_counter()
        await fail_until_open(client)

        assert time.perf_counter() - started < 2

    @pytest.mark.parametrize("outage", ["stopped", "frozen"])
    async def test_closes_by_itself(self, client, server, outage):
        """When Redis is back, commands work again without a restart of ours."""
        server.stop() if outage == "stopped" else server.pause()
        await fail_until_open(client)

        server.start() if outage == "stopped" else server.resume()
        async with asyncio.timeout(3):
            while not client.is_up:
                await asyncio.sleep(0.01)

        assert await ping(client)

    async def test_single_failures_do_not_add_up(self, client, server):
        """Three failures count only in a row."""
        for _ in range(4):
            server.pause()
            with pytest.raises(RedisUnavailable):
                await ping(client)
            server.resume()
            await ping(client)

        assert client.is_up

    async def test_an_error_answer_is_no_outage(self, client):
        """A Redis that says no is there."""
        for _ in range(4):
            with pytest.raises(ResponseError):
                await client.run(lambda redis: redis.execute_command("NOSUCHCOMMAND"))

        assert client.is_up

    async def test_a_redis_that_never_was_is_no_error_at_start(self):
        """A process opens its client while Redis is still away."""
        async with RedisClient.open(f"redis://127.0.0.1:{free_ports(1)[0]}/0") as client:
            with pytest.raises(RedisUnavailable):
                await ping(client)


class TestAConnectionThatIsReset:
    @pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
    async def test_while_nobody_uses_it_is_replaced(self, server, runner):
        """Each event loop has its own error for it: the command that meets it fails, the next ones work again."""
        await asyncio.to_thread(runner, self.reset_and_ask(server.port))

    async def reset_and_ask(self, behind: int) -> None:
        """Leave a connection in the pool, reset it, and use Redis until it is used again."""
        [port] = free_ports(1)
        async with Relay(port, behind).running() as relay, RedisClient.open(f"redis://127.0.0.1:{port}/0") as client:
            await ping(client)
            await relay.refuse()
            # The reset is there; the event loop reads it in a turn of its own.
            await asyncio.sleep(EVERY_SECONDS)
            await fail_until_open(client)
            await relay.open()

            await until(lambda: client.is_up)
            assert await ping(client)
