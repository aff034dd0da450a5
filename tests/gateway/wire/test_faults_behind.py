"""A fault in what a client sends, behind requests that are still being answered."""

import asyncio

import pytest

from tests.gateway.peers import Message, Upstream, Wire, get
from tests.gateway.process import Gateway
from tests.gateway.scripts import Held
from tests.waiting import until

MAX_BEHIND = 32
CHUNKED = "Transfer-Encoding: chunked"


class TestFaultsBehindAnswers:
    @pytest.mark.parametrize("bad", ["rubbish\r\n\r\n", "GET /todos HTTP/3.0\r\n\r\n", "GET /" + "x" * 9000])
    async def test_bad_second_pipelined(self, gateway: Gateway, upstream: Upstream, bad: str) -> None:
        """A request that cannot be read, behind one that is being answered, is no answer at all: only the end."""
        script = upstream.script = Held()
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos/1") + bad)
            await until(lambda: upstream.seen)
            await gateway.ask(get("/health"))
            script.may_answer.set()
            answer = await wire.body(await wire.head())

            assert (answer.status, answer.body, answer.one("connection")) == (200, b"/todos/1 ", "close")
            assert await wire.reader.read() == b""

    async def test_bad_chunk_midway(self, gateway: Gateway, upstream: Upstream) -> None:
        """A body that stops making sense is a 400, and its beginning never looks whole to the upstream."""
        ended = asyncio.Event()
        got = bytearray()

        async def script(wire: Wire, _: Message) -> None:
            while data := await wire.reader.read(65536):
                got.extend(data)
            ended.set()

        upstream.script = script
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/big", CHUNKED, method="POST") + "186a0\r\n" + "x" * 100_000 + "\r\n")
            await until(lambda: len(got) > 90_000)
            answer = await wire.answer("zz\r\n")

            assert (answer.status, answer.one("connection")) == (400, "close")
            assert await wire.is_closed()
        async with asyncio.timeout(5):
            await ended.wait()
        assert b"0\r\n\r\n" not in got

    async def test_bad_chunk_behind_an_answer(self, gateway: Gateway, upstream: Upstream) -> None:
        """Where that body waits behind another request, the other one's answer is the only one."""
        script = upstream.script = Held()
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos/1") + get("/todos/2", CHUNKED, method="POST") + "zz\r\n")
            await until(lambda: upstream.seen)
            await gateway.ask(get("/health"))
            script.may_answer.set()
            answer = await wire.body(await wire.head())

            assert (answer.body, answer.one("connection")) == (b"/todos/1 ", "close")
            assert await wire.reader.read() == b""
        assert [request.target for request in upstream.seen] == ["/todos/1"]

    async def test_bad_chunk_behind_its_own_answer(self, gateway: Gateway, upstream: Upstream) -> None:
        """A request that was answered early gets no second answer for the rest of its body."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(get("/nowhere", CHUNKED, method="POST") + "3\r\nabc\r\n")
            await wire.send("zz\r\n")

            assert answer.status == 404
            assert await wire.reader.read() == b""

    async def test_too_many_pipelined(self, gateway: Gateway, upstream: Upstream) -> None:
        """So many may wait behind one; the others are not read, and with the last answer the connection ends."""
        script = upstream.script = Held()
        async with Wire.to(gateway.port) as wire:
            await wire.send("".join(get(f"/todos/{number}") for number in range(2 * MAX_BEHIND)))
            await until(lambda: upstream.seen)
            script.may_answer.set()
            answers = [await wire.body(await wire.head()) for _ in range(1 + MAX_BEHIND)]

            assert [answer.body for answer in answers] == [f"/todos/{n} ".encode() for n in range(1 + MAX_BEHIND)]
            assert answers[-1].one("connection") == "close"
            assert await wire.is_closed()
        assert len(upstream.seen) == 1 + MAX_BEHIND
