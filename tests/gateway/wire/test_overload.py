"""More requests than a service can do: some are done, the rest is refused quickly."""

import asyncio

import httpx
import pytest

from devstack.ports import free_ports
from tests.gateway.here import Names, config_of, gateway_here
from tests.gateway.peers import OK, Message, Upstream, Wire, get
from tests.metering import read
from tests.waiting import until

SLOTS, QUEUE = 4, 2


class Gated:
    """A script that holds requests until they may go on, and knows how many it holds."""

    def __init__(self) -> None:
        self.held = 0
        self.most = 0
        self.order: list[str] = []
        self.may_go = asyncio.Semaphore(0)

    async def __call__(self, wire: Wire, request: Message) -> None:
        self.held += 1
        self.most = max(self.most, self.held)
        self.order.append(request.target)
        await self.may_go.acquire()
        self.held -= 1
        await wire.send(OK)


@pytest.fixture
def gated(upstream: Upstream) -> Gated:
    script = upstream.script = Gated()
    return script


def limited(upstream: Upstream, queue_wait: float, **server: object) -> object:
    entry = {"url": f"http://127.0.0.1:{upstream.port}", "max_in_flight": SLOTS, "queue": QUEUE}
    return config_of({"todo": entry | {"queue_wait": queue_wait}}, **server)


class TestOverload:
    async def test_three_times_as_many(self, upstream: Upstream, gated: Gated) -> None:
        """The service works at its limit, never over it; who has no place is told so, and when to come again."""
        async with gateway_here(limited(upstream, 0.05), Names()) as gateway:
            statuses: list[int] = []

            async def client() -> None:
                async with Wire.to(gateway.port) as wire:
                    while len([status for status in statuses if status == 200]) < 100:
                        answer = await wire.answer(get("/todo"))
                        statuses.append(answer.status)
                        if answer.status == 503:
                            assert answer.code == "overloaded"
                            assert answer.one("retry-after") in {"1", "2", "3"}
                            assert answer.one("proxy-status") == "gateway; error=connection_limit_reached"

            clients = [asyncio.create_task(client()) for _ in range(3 * SLOTS)]

            def is_full_or_done() -> bool:
                return gated.held == SLOTS or any(task.done() for task in clients)

            # Each place that gets free is taken again, though most are refused: no capacity is lost to refusing.
            for _ in range(100):
                await until(is_full_or_done)
                gated.may_go.release()
            for _ in clients:
                gated.may_go.release()
            await asyncio.gather(*clients)

        assert gated.most == SLOTS
        assert set(statuses) == {200, 503}

    async def test_the_newest_of_those_that_wait_is_next(self, upstream: Upstream, gated: Gated) -> None:
        """Two wait; a third pushes the oldest out, and then the youngest gets the first free place."""
        async with gateway_here(limited(upstream, 20), Names()) as gateway:
            full = [asyncio.create_task(gateway.ask(get("/todo/full"))) for _ in range(SLOTS)]
            await until(lambda: gated.held == SLOTS)
            async with Wire.to(gateway.port) as one, Wire.to(gateway.port) as two, Wire.to(gateway.port) as three:
                # A place in the queue shows in what its end pushes out: the oldest is answered, and nobody else.
                for number, wire in enumerate((one, two, three)):
                    await wire.send(get(f"/todo/{number}"))
                    await gateway.ask(get("/health"))
                assert (await one.body(await one.head())).code == "overloaded"

                gated.may_go.release()
                await until(lambda: len(gated.order) == SLOTS + 1)
                assert gated.order[-1] == "/todo/2"
                for _ in range(SLOTS + 1):
                    gated.may_go.release()
                assert (await two.answer("")).status == 200
                await three.answer("")
            await asyncio.gather(*full)

    async def test_leaving_the_queue(self, upstream: Upstream, gated: Gated) -> None:
        """Who leaves while it waits never reaches the service, and takes no place from others."""
        [admin] = free_ports(1)

        async def are_under_way(count: int) -> bool:
            async with httpx.AsyncClient() as client:
                found = read((await client.get(f"http://127.0.0.1:{admin}/metrics")).content)
            return found["gateway_in_flight"] == count

        async with gateway_here(limited(upstream, 20), Names(), admin) as gateway:
            full = [asyncio.create_task(gateway.ask(get("/todo/full"))) for _ in range(SLOTS)]
            await until(lambda: gated.held == SLOTS)
            async with Wire.to(gateway.port) as staying:
                await staying.send(get("/todo/staying"))
                await until(lambda: are_under_way(SLOTS + 1))
                async with Wire.to(gateway.port) as leaving:
                    await leaving.send(get("/todo/leaving"))
                    await until(lambda: are_under_way(SLOTS + 2))
                await until(lambda: are_under_way(SLOTS + 1))
                for _ in range(SLOTS + 1):
                    gated.may_go.release()
                assert (await staying.answer("")).status == 200
            await asyncio.gather(*full)

        assert gated.order == ["/todo/full"] * SLOTS + ["/todo/staying"]

    async def test_the_gateways_own_limit(self, upstream: Upstream, gated: Gated) -> None:
        """All services together have one too, which is looked at before a body is read."""
        async with gateway_here(limited(upstream, 0.05, max_in_flight=2), Names()) as gateway:
            running = [asyncio.create_task(gateway.ask(get("/todo"))) for _ in range(2)]
            await until(lambda: gated.held == 2)

            answer = await gateway.ask(get("/todo", "Content-Length: 999999999", method="POST"))

            assert (answer.status, answer.code) == (503, "overloaded")
            for _ in running:
                gated.may_go.release()
            await asyncio.gather(*running)


class TestUploads:
    async def test_leave_places_to_others(self, upstream: Upstream) -> None:
        """Bodies that come at their clients' pace take a quarter of the places at most, however long they take."""
        large = get("/todo", "Content-Length: 200000", method="POST") + "x" * 70_000

        def asked(method: str) -> int:
            return sum(request.first_line.startswith(method) for request in upstream.seen)

        async with gateway_here(limited(upstream, 0.05), Names()) as gateway, Wire.to(gateway.port) as slow:
            await slow.send(large)
            await until(lambda: asked("POST") == 1)
            refused = [await gateway.ask(large) for _ in range(SLOTS)]
            others = [await gateway.ask(get("/todo")) for _ in range(SLOTS)]
            answer = await slow.answer("x" * 130_000)
            again = await gateway.ask(large + "x" * 130_000)

        assert [(each.status, each.code, each.one("connection")) for each in refused] == [
            (503, "overloaded", "close")
        ] * SLOTS
        assert [each.status for each in others] == [200] * SLOTS
        assert (answer.status, again.status) == (200, 200)


class TestStreams:
    async def test_count_on_their_route_alone(self, upstream: Upstream) -> None:
        """Open streams take no place from requests; beyond the route's own number they are refused."""

        async def script(wire: Wire, request: Message) -> None:
            if request.target != "/live":
                await wire.send(OK)
                return
            await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await wire.reader.read()

        upstream.script = script
        url = f"http://127.0.0.1:{upstream.port}"
        live = {"url": url, "max_in_flight": 1, "queue": 0, "route": {"stream": "sse", "max_in_flight": 3}}
        async with gateway_here(config_of({"live": live, "todo": {"url": url}}, max_in_flight=1), Names()) as gateway:
            wires = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(3)]
            for reader, writer in wires:
                writer.write(get("/live").encode())
                await Wire(reader, writer).head()

            assert (await gateway.ask(get("/live"))).code == "overloaded"
            assert (await gateway.ask(get("/todo"))).status == 200
            for _, writer in wires:
                writer.close()

            async def has_room() -> bool:
                async with Wire.to(gateway.port) as wire:
                    await wire.send(get("/live"))
                    return (await wire.head()).status == 200

            await until(has_room)
