"""Which of a service's addresses gets a request, and what happens when some or all of them fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.gateway.here import Names, config_of, gateway_here
from tests.gateway.peers import OK, Message, Upstream, Wire, get, says
from tests.gateway.process import Gateway
from tests.gateway.scripts import hangs_up
from tests.waiting import until

TIMEOUT = "upstream_connect_timeout"
ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


@asynccontextmanager
async def replicas(count: int) -> AsyncIterator[list[Upstream]]:
    """Serve at so many addresses with one port."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Upstream().serving(ADDRESSES[0]))
        others = [
            await stack.enter_async_context(Upstream().serving(address, first.port)) for address in ADDRESSES[1:count]
        ]
        yield [first, *others]


@asynccontextmanager
async def between(names: Names, port: int, **upstream: object) -> AsyncIterator[Gateway]:
    """Run a gateway whose route /todo goes to the name `todo`."""
    config = config_of({"todo": {"url": f"http://todo:{port}"} | upstream})
    async with gateway_here(config, names) as gateway:
        yield gateway


class Slow:
    """A script that answers when it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def __call__(self, wire: Wire, _: Message) -> None:
        await self.may_answer.wait()
        await wire.send(OK)


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
            script = slow.script = Slow()
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


class TestEjection:
    async def test_a_failing_replica_is_out(self) -> None:
        """A replica that answers nothing but 502 gets five requests, and then none; the reads all succeed."""
        async with replicas(2) as (bad, _), between(Names(todo=ADDRESSES[:2]), bad.port) as gateway:
            bad.script = says("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")

            answers = [await gateway.ask(get("/todo")) for _ in range(60)]

            assert {answer.status for answer in answers} == {200}
            assert len(bad.seen) == 5

    async def test_a_services_own_refusal_stands(self) -> None:
        """A service that answers 503 is there and says why: its clients read that, however often it comes."""
        async with replicas(2) as (one, other), between(Names(todo=ADDRESSES[:2]), one.port) as gateway:
            busy = b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 12\r\n\r\nits own word"
            one.script = other.script = says(busy)

            answers = [await gateway.ask(get("/todo", method=method)) for method in ("GET", "POST") * 15]

            assert {(answer.status, answer.body) for answer in answers} == {(503, b"its own word")}

    async def test_the_last_ones_circuit_opens(self) -> None:
        """A service that fails five times in a row is left alone for a second; then one request decides."""
        async with replicas(1) as (server,), between(Names(todo=ADDRESSES[:1]), server.port) as gateway:
            await gateway.ask(get("/todo"))
            server.script = hangs_up
            answers = [await gateway.ask(get("/todo", method="POST")) for _ in range(7)]

            # The first found its kept connection closed, which is no failure of the service's.
            assert [answer.status for answer in answers] == [502] * 6 + [503]
            assert answers[-1].code == "circuit_open"
            assert answers[-1].one("proxy-status") == "gateway; error=destination_unavailable"
            assert answers[-1].one("retry-after") in {"1", "2", "3"}

            script = server.script = Slow()
            server.seen.clear()
            trial = asyncio.create_task(gateway.ask_a_bad_one(get("/todo")))
            await until(lambda: server.seen)
            assert (await gateway.ask(get("/todo"))).code == "circuit_open"
            script.may_answer.set()

            assert (await trial).status == 200
            assert (await gateway.ask(get("/todo"))).status == 200

    async def test_a_trial_whose_client_leaves_decides_nothing(self) -> None:
        """The next request is the trial then: a client cannot keep a circuit open by leaving."""
        async with replicas(1) as (server,), between(Names(todo=ADDRESSES[:1]), server.port) as gateway:
            server.script = hangs_up
            for _ in range(5):
                await gateway.ask(get("/todo", method="POST"))
            script = server.script = Slow()
            server.seen.clear()
            while not server.seen:
                async with Wire.to(gateway.port) as leaving:
                    await leaving.send(get("/todo"))
                    answered = asyncio.create_task(leaving.head())
                    await until(lambda: server.seen or answered.done())  # noqa: B023  # read within the turn
                    answered.cancel()
            script.may_answer.set()

            assert (await gateway.ask_a_bad_one(get("/todo"))).status == 200


class TestABlackHole:
    async def test_is_isolated(self, hole_port: int, upstream: Upstream) -> None:
        """While one service takes no connection, its requests are refused at once, and others answered as ever."""
        config = config_of(
            {
                "hole": {"url": f"http://127.0.0.1:{hole_port}", "connect": 1},
                "todo": {"url": f"http://127.0.0.1:{upstream.port}"},
            }
        )
        async with gateway_here(config, Names()) as gateway:
            first = [asyncio.create_task(gateway.ask(get("/hole", method="POST"))) for _ in range(20)]
            assert (await gateway.ask(get("/todo"))).status == 200
            assert not any(task.done() for task in first)
            assert {answer.code for answer in await asyncio.gather(*first)} <= {TIMEOUT, "circuit_open"}

            # Open now. A second later one request is the trial, which waits for a connection; nobody waits with it.
            codes: list[str | None] = []
            finished_meanwhile = 0

            async def asks() -> None:
                nonlocal finished_meanwhile
                while TIMEOUT not in codes:
                    before = len(codes)
                    code = (await gateway.ask(get("/hole"))).code
                    if code == TIMEOUT:
                        finished_meanwhile = len(codes) - before
                    codes.append(code)
                    assert (await gateway.ask(get("/todo"))).status == 200

            await asyncio.gather(asks(), asks())

            assert set(codes) == {TIMEOUT, "circuit_open"}
            assert codes.count(TIMEOUT) == 1
            assert finished_meanwhile > 0
