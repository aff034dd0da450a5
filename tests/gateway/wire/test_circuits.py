"""What happens when some or all of a service's addresses fail: who is left alone, and who tries again."""

import asyncio

from tests.gateway.conftest import OneGateway
from tests.gateway.here import Names, config_of, gateway_here
from tests.gateway.peers import Upstream, Wire, get, post, says
from tests.gateway.replicas import ADDRESSES, between, replicas
from tests.gateway.scripts import Held, hangs_up
from tests.waiting import until

TIMEOUT = "upstream_connect_timeout"


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

            script = server.script = Held()
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
            script = server.script = Held()
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


class TestTheLog:
    async def test_puts_it_down_to_no_other_request(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """What a request says of itself in the log is not said of the one behind it on the same connection."""
        upstream.script = hangs_up
        async with one_gateway() as gateway, Wire.to(gateway.port) as wire:
            await wire.send(get("/nowhere") + post("/dead", "a") * 5)
            ids = {(await wire.body(await wire.head())).one("x-request-id") for _ in range(6)}
            await until(lambda: "endpoint_out" in gateway.log.read_text())
            [line] = [line for line in gateway.log.read_text().splitlines() if "endpoint_out" in line]

        assert not any(str(each) in line for each in ids)
