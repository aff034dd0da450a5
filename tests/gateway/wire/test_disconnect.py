"""When the client has gone, the work for it ends at the upstream too."""

import asyncio

import pytest

from tests.gateway.peers import Message, Upstream, Wire, get
from tests.gateway.process import Gateway
from tests.waiting import until


class UntilClosed:
    """A script that says `first` and then only notes when the connection ends, and what came until then."""

    def __init__(self, first: bytes = b"") -> None:
        self.asked = asyncio.Event()
        self.got = b""
        self._ended = asyncio.Event()
        self._first = first

    async def __call__(self, wire: Wire, _: Message) -> None:
        await wire.send(self._first)
        self.asked.set()
        try:
            while data := await wire.reader.read(65536):
                self.got += data
        finally:
            self._ended.set()

    async def has_ended(self) -> None:
        """Wait for the end, half as long as the gateway waits for a service."""
        async with asyncio.timeout(5):
            await self._ended.wait()


class TestDisconnect:
    async def test_before_the_answer(self, gateway: Gateway, upstream: Upstream) -> None:
        """When the client leaves while the upstream works, the upstream is let go at once."""
        script = upstream.script = UntilClosed()
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos"))
            await script.asked.wait()

        await script.has_ended()

    async def test_during_the_answer(self, gateway: Gateway, upstream: Upstream) -> None:
        """So it is in the middle of an answer."""
        script = upstream.script = UntilClosed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos"))
            await wire.head()
            await wire.chunk()

        await script.has_ended()

    @pytest.mark.parametrize("framing", ["Content-Length: 200000", "Transfer-Encoding: chunked"])
    async def test_during_the_upload(self, gateway: Gateway, upstream: Upstream, framing: str) -> None:
        """And in the middle of an upload: what the upstream got never looks whole."""
        script = upstream.script = UntilClosed()
        chunked = framing.startswith("Transfer")
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/big", framing, method="POST"))
            await wire.send(b"186a0\r\n" + b"x" * 100000 + b"\r\n" if chunked else b"x" * 100000)
            await script.asked.wait()
            await until(lambda: len(script.got) >= 100000)

        await script.has_ended()
        assert b"0\r\n\r\n" not in script.got
        assert len(script.got) < 200000

    async def test_before_its_small_body_is_whole(self, gateway: Gateway, upstream: Upstream) -> None:
        """A client that leaves in the middle of a small body never reaches the upstream."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos", "Content-Length: 10", method="POST") + "abc")

        answer = await gateway.ask(get("/todos"))

        assert answer.status == 200
        assert [request.first_line for request in upstream.seen] == ["GET /todos HTTP/1.1"]

    async def test_is_logged_as_499(self, gateway: Gateway, upstream: Upstream) -> None:
        """The log says that it was the client, and counts no server error."""
        script = upstream.script = UntilClosed()
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos/left-alone"))
            await script.asked.wait()

        await until(lambda: '"path": "/todos/left-alone", "status": 499' in gateway.log.read_text())

    async def test_during_an_upload_is_the_clients_doing_too(self, gateway: Gateway, upstream: Upstream) -> None:
        """A broken upload is no error of the upstream's."""
        script = upstream.script = UntilClosed()
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/big/broken", "Content-Length: 200000", method="POST") + "x" * 100000)
            await script.asked.wait()

        await until(lambda: '"path": "/big/broken", "status": 499' in gateway.log.read_text())

    async def test_many_at_once_leave_nothing_behind(self, gateway: Gateway, upstream: Upstream) -> None:
        """After a hundred clients that left, no connection to the upstream is held and all goes on."""
        upstream.script = UntilClosed()
        before = set(upstream.connections)

        async def leave_soon() -> None:
            async with Wire.to(gateway.port) as wire:
                await wire.send(get("/todos"))

        await asyncio.gather(*(leave_soon() for _ in range(100)))
        await until(lambda: upstream.connections <= before)
        upstream.forget()

        assert (await gateway.ask(get("/todos"))).status == 200
