"""The upstream client over real sockets: where answers begin and end, and that no part passes for a whole."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from socket import SO_LINGER, SOL_SOCKET

import pytest

from gateway.transport.failures import AnswerBroken, SentNoAnswer
from gateway.transport.outgoing import Pieces
from tests.gateway.asking import client_of, whole
from tests.gateway.peers import OK, Message, Upstream, Wire, says
from tests.waiting import until

CHUNK = b"x" * 65536


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """An upstream to which nobody else keeps connections."""
    async with Upstream().serving() as upstream:
        yield upstream


class TestInterimAnswers:
    async def test_are_skipped(self, upstream: Upstream) -> None:
        """The answer is what comes behind them, with none of their fields."""
        upstream.script = says(b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK)
        async with client_of(upstream) as asker:
            with await asker.begin() as answer:
                assert (answer.status, b"Link" in dict(answer.fields)) == (200, False)

    async def test_without_an_end(self, upstream: Upstream) -> None:
        """So many that they are no help are not read on."""

        async def script(wire: Wire, _: Message) -> None:
            while True:
                await wire.send(b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 1000)

        upstream.script = script
        async with client_of(upstream) as asker:
            with pytest.raises(AnswerBroken):
                await asker.begin()

    async def test_then_nothing(self, upstream: Upstream) -> None:
        """They are no answer: its time runs on."""

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(b"HTTP/1.1 103 Hints\r\n\r\n")
            await wire.reader.read()

        upstream.script = script
        async with client_of(upstream, first_byte=0.1) as asker:
            with pytest.raises(SentNoAnswer) as failure:
                await asker.begin()

        assert failure.value.is_timeout


class TestBodies:
    async def test_until_the_connection_ends(self, upstream: Upstream) -> None:
        """Without a length, the end of the connection is that of the body."""
        upstream.script = says(b"HTTP/1.1 200 OK\r\n\r\nall of it", then_close=True)
        async with client_of(upstream) as asker:
            assert await asker.ask() == (200, b"all of it")

    @pytest.mark.parametrize("head", ["Content-Length: 9", "Transfer-Encoding: chunked", "X: no length"])
    async def test_that_break_off(self, upstream: Upstream, head: str) -> None:
        """A part is never taken for the whole: neither one short of its length, nor one that ended by a reset."""
        has_come = asyncio.Event()

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n" + "4\r\nhalf\r\n"[0 if "chunked" in head else 3 :])
            await has_come.wait()
            if "no length" in head:
                # Closing is then a reset.
                wire.writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            wire.writer.close()

        upstream.script = script
        async with client_of(upstream) as asker:
            with await asker.begin() as answer:
                await answer.read()
                has_come.set()
                with pytest.raises(AnswerBroken):
                    await answer.read()

    async def test_are_not_read_ahead(self, upstream: Upstream) -> None:
        """A client that takes its time holds the upstream back, and still gets every byte."""
        sent, is_held_up = 0, asyncio.Event()

        async def script(wire: Wire, _: Message) -> None:
            nonlocal sent
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1024 * len(CHUNK)))
            for _ in range(1024):
                wire.writer.write(CHUNK)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await wire.writer.drain()
                        sent += 1
                        continue
                is_held_up.set()
                await wire.writer.drain()

        upstream.script = script
        async with client_of(upstream) as asker:
            with await asker.begin() as answer:
                await is_held_up.wait()
                assert sent < 512
                assert len(await whole(answer)) == 1024 * len(CHUNK)
            upstream.script = says(OK)

            assert await asker.ask() == (200, b"ok")

    async def test_of_requests(self, upstream: Upstream) -> None:
        """A body that comes in pieces goes in chunks, and its connection is kept."""

        async def pieces() -> Pieces:
            for number in range(100):
                yield b"%d," % number
                await asyncio.sleep(0)

        async with client_of(upstream) as asker:
            await asker.ask("POST", pieces())
            await asker.ask()

        assert upstream.seen[0].body == b"".join([b"%d," % number for number in range(100)])
        assert upstream.opened == 1

    async def test_that_fail_to_come(self, upstream: Upstream) -> None:
        """A request whose body breaks off never looks whole to the upstream."""
        ends: list[bytes] = []

        async def script(wire: Wire, _: Message) -> None:
            ends.append(await wire.reader.read())

        async def pieces() -> Pieces:
            yield b"first"
            raise ConnectionError

        upstream.script = script
        async with client_of(upstream) as asker:
            with pytest.raises(SentNoAnswer):
                await asker.begin("POST", pieces())
            await until(lambda: not upstream.connections)

        assert b"0\r\n\r\n" not in b"".join(ends)
