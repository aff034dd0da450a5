"""Limits while Redis is away, in whatever way: nobody is refused for it, and it counts again when it is back."""

import asyncio
from collections.abc import Callable

import pytest

from devstack.ports import free_ports
from devstack.servers import Valkey
from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Upstream, Wire, get
from tests.gateway.process import Gateway
from tests.servers import NewValkey
from tests.waiting import until

REQUESTS, CLIENTS = 50, 4


def fill(valkey: Valkey) -> None:
    """Let it have no room for anything more."""
    assert valkey.ask("CONFIG SET maxmemory-policy noeviction").startswith("+OK")
    assert valkey.ask("CONFIG SET maxmemory 1mb").startswith("+OK")


def make_room(valkey: Valkey) -> None:
    assert valkey.ask("CONFIG SET maxmemory 128mb").startswith("+OK")


OUTAGES: dict[str, tuple[Callable[[Valkey], object], Callable[[Valkey], object]]] = {
    "stopped": (Valkey.stop, Valkey.start),
    "paused": (Valkey.pause, Valkey.resume),
    "oom": (fill, make_room),
}


async def crowd(gateway: Gateway) -> set[int]:
    """Return with what clients are answered who ask one after the other, some at once."""

    async def ask() -> set[int]:
        async with Wire.to(gateway.port) as wire:
            return {(await wire.answer(get("/todos"))).status for _ in range(REQUESTS)}

    return set().union(*await asyncio.gather(*(ask() for _ in range(CLIENTS))))


async def backend(gateway: Gateway) -> object:
    """Return who has counted one more request."""
    request_id = (await gateway.ask(get("/todos"))).one("x-request-id")

    def lines() -> list[dict[str, object]]:
        return [line for line in gateway.lines() if line["request_id"] == request_id]

    await until(lines)
    return lines()[0]["limit_backend"]


class TestLimitRedis:
    @pytest.mark.parametrize("outage", OUTAGES)
    async def test_limit_redis(
        self, one_gateway: OneGateway, upstream: Upstream, new_valkey: NewValkey, outage: str
    ) -> None:
        """Requests go on, counted in the process, and in Redis again when it is well, without a restart."""
        valkey = new_valkey()
        begin, end = OUTAGES[outage]
        async with one_gateway(REDIS_URL=valkey.url) as gateway:

            async def is_counted_in_redis() -> bool:
                return await backend(gateway) == "redis"

            assert await crowd(gateway) == {200}
            await until(is_counted_in_redis)
            await asyncio.to_thread(begin, valkey)
            assert (await crowd(gateway), await backend(gateway)) == ({200}, "local")
            await asyncio.to_thread(end, valkey)
            await until(is_counted_in_redis, seconds=30)
            assert await crowd(gateway) == {200}

    async def test_the_limit_holds(self, one_gateway: OneGateway, upstream: Upstream, new_valkey: NewValkey) -> None:
        """Without Redis a client that has used up its limit gets one more burst, and no more."""
        valkey = new_valkey()
        async with one_gateway(REDIS_URL=valkey.url) as gateway:
            before = [(await gateway.ask(get("/few"))).status for _ in range(4)]
            valkey.stop()
            after = [(await gateway.ask(get("/few"))).status for _ in range(5)]

        assert before == [200] * 3 + [429]
        assert after == [200] * 3 + [429] * 2

    async def test_a_redis_that_never_was(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """The gateway starts, is ready, and counts alone."""
        async with one_gateway(REDIS_URL=f"redis://127.0.0.1:{free_ports(1)[0]}/0") as gateway:
            assert (await gateway.ask(get("/readyz"))).status == 200
            assert (await crowd(gateway), await backend(gateway)) == ({200}, "local")
