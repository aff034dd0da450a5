"""What the gateway does a second time, and what it never does: counted where it is done."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import pytest

from tests.gateway.here import Names, config_of, gateway_here
from tests.gateway.peers import OK, Message, Upstream, Wire, get, says
from tests.gateway.process import Gateway
from tests.proofs import rounds
from tests.waiting import until

BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
METHODS = ("GET", "HEAD", "PUT", "DELETE", "POST", "PATCH")


class Failing:
    """A script that fails in its way at every request that should be done, and counts them."""

    def __init__(self, kind: str) -> None:
        self.done = 0
        self._kind = kind

    async def __call__(self, wire: Wire, request: Message) -> None:
        await wire.body(request)
        self.done += 1
        match self._kind:
            case "closed":
                wire.writer.close()
            case "reset":
                wire.writer.transport.abort()
            case "half a head":
                await wire.send("HTTP/1.1 200 O")
                wire.writer.close()
            case "half a body":
                half = "" if request.first_line.startswith("HEAD") else "half"
                await wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{half}")
                wire.writer.close()
            case "silent":
                await wire.reader.read()
            case status:
                await wire.send(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n")


# How often a request is done, for each method of METHODS, and for a POST with a key.
TIMES = {
    "closed": (2, 2, 1, 1, 1, 1, 1),
    "reset": (2, 2, 1, 1, 1, 1, 1),
    "silent": (2, 2, 1, 1, 1, 1, 1),
    "502": (2, 2, 1, 1, 1, 1, 1),
    "503": (2, 2, 1, 1, 1, 1, 1),
    "504": (2, 2, 1, 1, 1, 1, 1),
    "500": (1, 1, 1, 1, 1, 1, 1),
    "half a head": (2, 2, 1, 1, 1, 1, 1),
    "half a body": (1, 1, 1, 1, 1, 1, 1),
    "stale": (2, 2, 2, 2, 1, 1, 2),
}
WAYS = [*((method, False) for method in METHODS), ("POST", True)]


def keyed(upstream: Upstream, first_byte: float = 5) -> AbstractAsyncContextManager[Gateway]:
    """Return a gateway of its own, with a route whose service knows keys."""
    url = f"http://127.0.0.1:{upstream.port}"
    config = config_of({"todo": {"url": url, "first_byte": first_byte, "route": {"idempotency_key": True}}})
    return gateway_here(config, Names())


@pytest.fixture
async def patient(upstream: Upstream) -> AsyncIterator[Gateway]:
    """One that waits longer for a service than a busy machine lets it wait."""
    url = f"http://127.0.0.1:{upstream.port}"
    config = config_of({"todo": {"url": url, "first_byte": 30, "connect": 30, "deadline": 60}})
    async with gateway_here(config, Names()) as gateway:
        yield gateway


async def put(gateway: Gateway, method: str, *lines: str) -> int:
    """Send a request and return the status of its answer, 0 where it broke off."""
    body = "{}" if method in {"POST", "PUT", "PATCH"} else ""
    raw = get("/todo", *lines, f"Content-Length: {len(body)}", method=method) + body
    try:
        return (await gateway.ask(raw, to_head=method == "HEAD")).status
    except asyncio.IncompleteReadError:
        return 0


class TestRetryMatrix:
    @pytest.mark.parametrize(
        ("kind", "way", "times"),
        [(kind, way, times) for kind, row in TIMES.items() for way, times in zip(WAYS, row, strict=True)],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_counts(self, upstream: Upstream, kind: str, way: tuple[str, bool], times: int) -> None:
        """Method, failure and key decide whether a failed request is done once or twice, never more often."""
        method, has_key = way
        failing = Failing("closed" if kind == "stale" else kind)
        async with keyed(upstream, 0.5 if kind == "silent" else 5) as gateway:
            if kind == "stale":
                await put(gateway, "GET")
            upstream.script = failing

            status = await put(gateway, method, *(["Idempotency-Key: abc"] if has_key else []))

        expected = {"silent": 504, "half a body": 200 if method == "HEAD" else 0}.get(kind, 502)
        assert status == (int(kind) if kind.isdigit() else expected)
        assert failing.done == times

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
    async def test_what_was_not_sent(self, method: str) -> None:
        """Where one replica takes no connection any more, every request goes to another one."""
        async with Upstream().serving("127.0.0.2") as upstream:
            config = config_of({"todo": {"url": f"http://todo:{upstream.port}"}})
            async with AsyncExitStack() as stack:
                stopping = await stack.enter_async_context(Upstream().serving("127.0.0.3", upstream.port))
                names = Names(todo=["127.0.0.2", "127.0.0.3"])
                gateway = await stack.enter_async_context(gateway_here(config, names))
                await until(lambda: stopping.probes)
                stopping.stop()
                answers = [await put(gateway, method) for _ in range(20)]

            assert answers == [200] * 20
            assert len(upstream.seen) == 20
            assert any(request.one("x-request-attempt") == "2" for request in upstream.seen)

    async def test_a_large_body_is_sent_once(self, upstream: Upstream) -> None:
        """What was passed on piece by piece is not kept for a second time."""
        failing = upstream.script = Failing("503")
        body = "x" * 100_000

        async with keyed(upstream) as gateway:
            answer = await gateway.ask(get("/todo", f"Content-Length: {len(body)}", method="PUT") + body)

        assert (answer.status, failing.done) == (503, 1)

    async def test_the_deadline_ends_hints_without_a_head(self, upstream: Upstream) -> None:
        """A 103 stops the time for the first byte; that for the head runs on."""
        config = config_of({"todo": {"url": f"http://127.0.0.1:{upstream.port}", "deadline": 0.5}})
        upstream.script = says(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        async with gateway_here(config, Names()) as gateway:
            answer = await gateway.ask(get("/todo"))

        assert (answer.status, answer.code) == (504, "upstream_timeout")

    async def test_the_deadline_ends_it(self, upstream: Upstream) -> None:
        """There is no second time when the time for it is over, and a head that dribbles in is not waited for."""
        config = config_of({"todo": {"url": f"http://127.0.0.1:{upstream.port}", "first_byte": 3, "deadline": 0.5}})

        async def dribbles(wire: Wire, _: Message) -> None:
            for byte in itertools.chain(b"HTTP/1.1 200 OK\r\nX: ", itertools.repeat(120)):
                await wire.send(bytes([byte]))
                await asyncio.sleep(0.02)

        upstream.script = dribbles
        async with gateway_here(config, Names()) as gateway:
            answer = await gateway.ask(get("/todo"))

        assert (answer.status, answer.code) == (504, "upstream_timeout")
        assert len(upstream.seen) == 1


class TestRetryBudget:
    async def test_repeats_are_few(self, upstream: Upstream, patient: Gateway) -> None:
        """Of 2 000 reads a tenth, ten and one a second are done again, though a third fails."""
        turns = itertools.cycle([BUSY, OK, OK])
        done, requests, started = 0, rounds(2000), asyncio.get_running_loop().time()

        async def script(wire: Wire, request: Message) -> None:
            nonlocal done
            done += 1
            # Two of three answers are good, so that no circuit opens and helps.
            await wire.send(OK if request.one("x-request-attempt") else next(turns))

        async def client() -> None:
            async with Wire.to(patient.port) as wire:
                for _ in range(requests // 8):
                    await wire.answer(get("/todo"))

        upstream.script = script
        await asyncio.gather(*(client() for _ in range(8)))
        seconds = asyncio.get_running_loop().time() - started

        assert requests + 10 <= done <= 1.1 * requests + 10 + seconds


class TestKeepaliveRace:
    async def test_no_read_fails(self, patient: Gateway, upstream: Upstream) -> None:
        """A service that closes kept connections in the very moment they are used costs no read, and no write twice."""
        done: dict[str, int] = {}

        async def script(wire: Wire, request: Message) -> None:
            await wire.body(request)
            done[request.target] = done.get(request.target, 0) + 1
            number = int(request.target.rpartition("/")[2])
            # Every thirtieth connection ends with the answer to its request, without a word.
            await wire.send(OK)
            if number % 30 == 0:
                wire.writer.close()

        upstream.script = script
        reads: list[int] = []
        numbers = iter(range(rounds(10_000)))

        async def client() -> None:
            async with Wire.to(patient.port) as wire:
                for number in numbers:
                    method = "POST" if number % 2 else "GET"
                    answer = await wire.answer(get(f"/todo/{number}", "Content-Length: 0", method=method))
                    if method == "GET":
                        reads.append(answer.status)
                    else:
                        assert answer.status in {200, 502}

        await asyncio.gather(*(client() for _ in range(8)))

        assert set(reads) == {200}
        assert all(done.get(f"/todo/{number}", 0) <= 1 for number in range(1, rounds(10_000), 2))
