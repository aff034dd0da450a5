"""Answers that go on for ever: server-sent events."""

import asyncio
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.gateway.peers import Message, Upstream, Wire, get, says
from tests.gateway.process import Gateway, running_gateway

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


@pytest.fixture
def open_ended(upstream: Upstream) -> asyncio.Event:
    """Let the upstream send one event and then nothing; the event is set when its connection has ended."""
    gone = asyncio.Event()

    async def script(wire: Wire, _: Message) -> None:
        await wire.send(HEAD + chunk(b"id: 1\n\n"))
        await wire.reader.read()
        gone.set()

    upstream.script = script
    return gone


class TestAStream:
    async def test_its_head_does_not_wait_for_an_event(self, gateway: Gateway, upstream: Upstream) -> None:
        """The client knows that the stream is open before anything happens."""
        may_send = asyncio.Event()

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(HEAD)
            await may_send.wait()
            await wire.send(chunk(b"id: 1\n\n"))
            await wire.reader.read()

        upstream.script = script
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/live"))
            head = await wire.head()
            may_send.set()

            assert (head.status, head.one("content-type")) == (200, "text/event-stream")
            assert await wire.chunk() == b"id: 1\n\n"

    async def test_may_pause_longer_than_others(self, hasty: Gateway, upstream: Upstream) -> None:
        """The route's own idle time holds: over a second here, where another route ends an answer."""

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(HEAD + chunk(b": ping\n\n"))
            await wire.reader.read()

        upstream.script = script
        ended = {}
        for path in ("/live", "/todos"):
            async with Wire.to(hasty.port) as wire:
                started = time.monotonic()
                await wire.send(get(path))
                assert await wire.is_closed()
                ended[path] = time.monotonic() - started

        assert ended["/todos"] < ended["/live"] > 2.4

    async def test_its_head_is_not_waited_for_for_ever(self, hasty: Gateway, upstream: Upstream) -> None:
        """Hints that come before a head give no time for it: it is due as anywhere else."""
        upstream.script = says(b"HTTP/1.1 103 Early Hints\r\n\r\n")

        answer = await hasty.ask(get("/live"))

        assert (answer.status, answer.code) == (504, "upstream_timeout")

    async def test_ends_with_its_client(self, gateway: Gateway, open_ended: asyncio.Event) -> None:
        """A closed tab is known to the upstream at once."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/live"))
            await wire.head()
            await wire.chunk()

        async with asyncio.timeout(2):
            await open_ended.wait()

    async def test_its_query_is_in_no_log(self, gateway: Gateway, upstream: Upstream) -> None:
        """A ticket stands in the address, and stays out of the log."""
        upstream.script = says(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

        await gateway.ask(get("/live?ticket=of-ada"))

        assert upstream.last.target == "/live?ticket=of-ada"
        async with asyncio.timeout(5):
            while '"path": "/live"' not in gateway.log.read_text():
                await asyncio.sleep(0.05)
        assert "of-ada" not in gateway.log.read_text()


class TestAStop:
    async def test_ends_streams(self, tmp_path: Path, upstream: Upstream, open_ended: asyncio.Event) -> None:
        """At SIGTERM each one says when to come again and ends whole, upstream too, and the gateway waits for none."""
        ports = dict.fromkeys(("PLAIN", "JAR", "DEAD", "HOLE"), upstream.port)
        async with running_gateway(tmp_path, ports) as gateway, Wire.to(gateway.port) as wire:
            await wire.send(get("/live"))
            await wire.head()
            await wire.chunk()
            stopped = time.monotonic()
            os.kill(gateway.pid, signal.SIGTERM)

            last = await wire.chunk()
            assert (found := re.fullmatch(rb"retry: (\d+)\n\n", last))
            assert 1000 <= int(found[1]) <= 5000
            assert await wire.chunk() == b""
            async with asyncio.timeout(2):
                await open_ended.wait()

        assert time.monotonic() - stopped < 10

    @pytest.mark.parametrize(
        ("framing", "part"), [("Content-Length: 9", b"half"), ("Transfer-Encoding: chunked", chunk(b"half"))]
    )
    async def test_breaks_off_what_has_an_end(
        self, tmp_path: Path, upstream: Upstream, framing: str, part: bytes
    ) -> None:
        """Another answer of such an address never looks whole, and to be stopped is no fault of the gateway."""

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode() + part)
            await wire.reader.read()

        upstream.script = script
        ports = dict.fromkeys(("PLAIN", "JAR", "DEAD", "HOLE"), upstream.port)
        async with running_gateway(tmp_path, ports) as gateway, Wire.to(gateway.port) as wire:
            await wire.send(get("/live"))
            await wire.head()
            await wire.reader.readexactly(len(part))
            os.kill(gateway.pid, signal.SIGTERM)

            async with asyncio.timeout(5):
                assert await wire.reader.read() == b""
        last = gateway.lines()[-1]
        assert (last["path"], last["status"], last["error"]) == ("/live", 200, "busy")
