"""Which of a service's addresses gets a request."""

import asyncio

import pytest

from tests.gateway.here import Names
from tests.gateway.peers import get
from tests.gateway.replicas import ADDRESSES, between, replicas
from tests.gateway.scripts import Held
from tests.waiting import until


class TestBalance:
    async def test_all_addresses_of_a_name_get_requests(self) -> None:
        """Each replica gets its part, and the service is asked by its name."""
        async with replicas(3) as servers, between(Names(todo=ADDRESSES), servers[0].port) as gateway:
            for _ in range(90):
                assert (await gateway.ask(get("/todo"))).status == 200

            # Of 90 draws a third each; fewer than 10 for one of them comes once in ten million runs.
            assert all(len(server.seen) >= 10 for server in servers)
            assert servers[1].last.one("host") == f"todo:{servers[0].port}"

    async def test_a_slow_one_gets_less(self) -> None:
        """Of two the one with fewer requests under way is next, so a slow replica does not slow all."""
        async with replicas(2) as (slow, quick), between(Names(todo=ADDRESSES[:2]), slow.port) as gateway:
            script = slow.script = Held()
            stuck = []
            while not slow.seen:
                stuck.append(asyncio.create_task(gateway.ask(get("/todo"))))
                await until(lambda: len(slow.seen) + len(quick.seen) == len(stuck))

            for _ in range(20):
                assert (await gateway.ask(get("/todo"))).status == 200

            assert len(slow.seen) == 1
            script.may_answer.set()
            await asyncio.gather(*stuck)


class TestDnsChange:
    async def test_a_new_address_is_found(self) -> None:
        """Within seconds a new replica gets the requests, and one that has gone none."""
        names = Names(todo=ADDRESSES[:1])
        async with replicas(2) as (old, new), between(names, old.port) as gateway:
            await gateway.ask(get("/todo"))
            names.addresses["todo"] = ADDRESSES[1:2]

            async def has_moved() -> bool:
                await gateway.ask(get("/todo"))
                return bool(new.seen)

            await until(has_moved, 60)
            old.forget()
            for _ in range(10):
                assert (await gateway.ask(get("/todo"))).status == 200

            assert old.seen == []

    async def test_the_last_good_addresses_are_kept(self) -> None:
        """A name that was never known is 503 until it is; once known, a name server that fails changes nothing."""
        names = Names(todo=[])
        async with replicas(1) as (server,), between(names, server.port) as gateway:
            answer = await gateway.ask(get("/todo"))
            assert (answer.status, answer.code) == (503, "no_endpoint")
            assert answer.one("proxy-status") == "gateway; error=destination_unavailable"
            assert answer.one("retry-after") in {"1", "2", "3"}

            names.addresses["todo"] = ADDRESSES[:1]

            async def is_found() -> bool:
                return (await gateway.ask(get("/todo"))).status == 200

            await until(is_found, 60)
            names.addresses["todo"], asked = [], names.asked
            await until(lambda: names.asked > asked, 60)

            assert (await gateway.ask(get("/todo"))).status == 200


class TestHealthChecks:
    async def test_take_one_out_and_back(self) -> None:
        """A replica that says that it is not ready gets nothing, until it says that it is."""
        async with replicas(2) as (one, other), between(Names(todo=ADDRESSES[:2]), one.port) as gateway:
            one.readiness = "503 Draining"

            async def asks(times: int = 8) -> bool:
                one.forget()
                other.forget()
                for _ in range(times):
                    assert (await gateway.ask(get("/todo"))).status == 200
                return not one.seen

            await until(asks, 60)
            one.readiness = "200 OK"

            async def is_back() -> bool:
                return not await asks()

            await until(is_back, 60)

    @pytest.mark.parametrize("count", [1, 3])
    async def test_all_out_is_none_out(self, count: int) -> None:
        """Checks that no replica passes say more about the checks: all are used."""
        async with replicas(count) as servers:
            for server in servers:
                server.readiness = "503 Draining"
            async with between(Names(todo=ADDRESSES[:count]), servers[0].port) as gateway:
                await until(lambda: all(server.probes >= 3 for server in servers), 60)
                for _ in range(30 * count):
                    assert (await gateway.ask(get("/todo"))).status == 200

            assert all(server.seen for server in servers)
