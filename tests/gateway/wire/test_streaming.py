"""Bodies flow piece by piece, at the pace of the slower side."""

import asyncio

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Message, Upstream, Wire, get
from tests.gateway.process import Gateway
from tests.waiting import until

MEGABYTE = 1 << 20


async def push(wire: Wire) -> None:
    """Send for as long as the other side lets us."""
    while True:
        await wire.send(b"x" * MEGABYTE)


class TestFlow:
    async def test_answers_come_as_they_are_made(self, gateway: Gateway, upstream: Upstream) -> None:
        """Each piece of an answer arrives before the next one is made."""
        received = asyncio.Semaphore(0)

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in (b"one", b"two", b"six"):
                await wire.send(b"3\r\n" + piece + b"\r\n")
                await received.acquire()
            await wire.send(b"0\r\n\r\n")

        upstream.script = script
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos"))
            await wire.head()
            pieces = []
            for _ in range(3):
                pieces.append(await wire.chunk())
                received.release()

        assert pieces == [b"one", b"two", b"six"]

    async def test_uploads_go_as_they_come(self, gateway: Gateway, upstream: Upstream) -> None:
        """Each piece of a large upload reaches the upstream before the next one is sent."""
        arrived: asyncio.Queue[bytes] = asyncio.Queue()

        async def script(wire: Wire, _: Message) -> None:
            while piece := await wire.chunk():
                await arrived.put(piece)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        upstream.script = script
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/big", "Transfer-Encoding: chunked", method="POST") + f"{80000:x}\r\n")
            await wire.send(b"x" * 80000 + b"\r\n")
            first = 0
            async with asyncio.timeout(5):
                while first < 80000:
                    first += len(await arrived.get())
                await wire.send(b"3\r\nabc\r\n")
                second = await arrived.get()
            answer = await wire.answer(b"0\r\n\r\n")

        assert (first, second, answer.status) == (80000, b"abc", 200)

    async def test_a_large_answer_keeps_memory_flat(self, gateway: Gateway, upstream: Upstream) -> None:
        """The gateway takes an answer no faster than its client does."""

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {100 * MEGABYTE}\r\n\r\n")
            for _ in range(100):
                await wire.send(b"x" * MEGABYTE)

        upstream.script = script
        before = gateway.resident_kilobytes()
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/big"))
            await wire.head()
            received, most = 0, 0
            while received < 100 * MEGABYTE:
                received += len(await wire.reader.read(MEGABYTE))
                most = max(most, gateway.resident_kilobytes())

        assert most - before < 16 * 1024

    async def test_a_large_upload_keeps_memory_flat(self, gateway: Gateway, upstream: Upstream) -> None:
        """It takes an upload no faster than its upstream does."""

        async def script(wire: Wire, _: Message) -> None:
            left = 100 * MEGABYTE
            while left:
                left -= len(await wire.reader.read(MEGABYTE))
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        upstream.script = script
        before, most = gateway.resident_kilobytes(), 0
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/big", f"Content-Length: {100 * MEGABYTE}", method="POST"))
            for _ in range(100):
                await wire.send(b"x" * MEGABYTE)
                most = max(most, gateway.resident_kilobytes())
            answer = await wire.body(await wire.head())

        assert answer.status == 200
        assert most - before < 16 * 1024

    @pytest.mark.parametrize(
        "framed", ["Content-Length: 3\r\n\r\nno!", "Transfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n0\r\n\r\n"]
    )
    async def test_early_answers(self, gateway: Gateway, upstream: Upstream, framed: str) -> None:
        """An answer that the upstream gives before it has the whole body reaches the client at once.

        So it is over for the gateway too: whoever goes on sending is heard out, but holds no place.
        """

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(f"HTTP/1.1 413 No\r\n{framed}")

        upstream.script = script
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/big", f"Content-Length: {1 << 30}", method="POST"))
            # Sooner than the two seconds are over for which the client is heard out.
            async with asyncio.timeout(1.5):
                answer = await wire.answer(b"x" * 100000)
                request_id = answer.one("x-request-id")
                await until(lambda: request_id in {line["request_id"] for line in gateway.lines()})

            assert (answer.status, answer.body, answer.one("connection")) == (413, b"no!", "close")

    @pytest.mark.parametrize("pieces", [1, 4])
    async def test_early_answers_of_an_upstream_that_takes_nothing_more(
        self, one_gateway: OneGateway, upstream: Upstream, pieces: int
    ) -> None:
        """Such an answer is whole, however long it and its client take: with its head, the upload's time is over."""
        is_over = asyncio.Event()

        async def script(wire: Wire, _: Message) -> None:
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            # The gateway waits for two seconds, and then for four more for its client.
            await asyncio.sleep(0.5)
            await wire.send(b"HTTP/1.1 413 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno!\r\n")
            for _ in range(pieces - 1):
                await asyncio.sleep(0.8)
                await wire.send(b"3\r\nno!\r\n")
            await wire.send(b"0\r\n\r\n")
            await is_over.wait()
            wire.writer.transport.abort()

        upstream.script = script
        async with one_gateway(service="idle = 2") as gateway, Wire.to(gateway.port) as wire:
            await wire.send(get("/big", f"Content-Length: {1 << 30}", method="POST"))
            pushing = asyncio.create_task(push(wire))
            head = await wire.head()
            pushing.cancel()
            answer = await wire.body(head)
        is_over.set()

        assert (answer.status, answer.body) == (413, b"no!" * pieces)

    async def test_an_upstream_that_takes_nothing(self, hasty: Gateway, upstream: Upstream) -> None:
        """An upload that the upstream does not read ends as a timeout, and its connection is not held any longer."""
        taken: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()

        async def script(wire: Wire, _: Message) -> None:
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            taken.set_result(wire.writer)

        upstream.script = script
        async with Wire.to(hasty.port) as wire:
            await wire.send(get("/big", f"Content-Length: {1 << 30}", method="POST"))
            pushing = asyncio.create_task(push(wire))
            answer = await wire.body(await wire.head())
            pushing.cancel()
        held = await taken

        assert answer.status == 504
        gateways_port = held.get_extra_info("peername")[1]
        await until(lambda: not hasty.holds(gateways_port))
        held.transport.abort()
