"""The upstream client over real sockets: which connections it keeps, and what it says of an exchange that failed."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.configuration.config import UpstreamConfig
from gateway.transport.client import UpstreamClient
from gateway.transport.failures import AnswerBroken, NotSent, SentNoAnswer
from gateway.transport.outgoing import Pieces
from tests.gateway.asking import Asker, client_of
from tests.gateway.certificates import certificate_for
from tests.gateway.peers import OK, Message, Upstream, Wire, says
from tests.gateway.scripts import hangs_up
from tests.waiting import until


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """An upstream to which nobody else keeps connections."""
    async with Upstream().serving() as upstream:
        yield upstream


class TestKeptConnections:
    @pytest.mark.parametrize("answer", [OK, b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 304 -\r\nContent-Length: 9\r\n\r\n"])
    async def test_one_after_the_other(self, upstream: Upstream, answer: bytes) -> None:
        """Requests that do not overlap share a connection."""
        upstream.script = says(answer)
        async with client_of(upstream) as asker:
            for _ in range(3):
                await asker.ask()

        assert (len(upstream.seen), upstream.opened) == (3, 1)

    @pytest.mark.parametrize("framing", ["Content-Length: 9", "Transfer-Encoding: chunked"])
    async def test_204_with_a_body(self, upstream: Upstream, framing: str) -> None:
        """Who announces a body that must not be may send it, as late as it likes: to nobody's next request."""
        upstream.script = says(f"HTTP/1.1 204 No\r\n{framing}\r\n\r\n")
        async with client_of(upstream) as asker:
            for _ in range(3):
                await asker.ask()

        assert (len(upstream.seen), upstream.opened) == (3, 3)

    async def test_at_once(self, upstream: Upstream) -> None:
        """Requests that overlap have a connection each, and never wait for one."""
        everyone = asyncio.Barrier(5)

        async def script(wire: Wire, _: Message) -> None:
            await everyone.wait()
            await wire.send(OK)

        upstream.script = script
        async with client_of(upstream) as asker:
            await asyncio.gather(*(asker.ask() for _ in range(5)))

        assert upstream.opened == 5

    async def test_idle(self, upstream: Upstream) -> None:
        """One that nobody needs for a while ends, and the next request has a new one."""
        async with client_of(upstream, keepalive=0.05) as asker:
            await asker.ask()
            await until(lambda: not upstream.connections)

            assert await asker.ask() == (200, b"ok")
        assert upstream.opened == 2

    async def test_closing(self, upstream: Upstream) -> None:
        """One that the upstream says it closes is not used again."""
        upstream.script = says(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        async with client_of(upstream) as asker:
            await asker.ask()
            await asker.ask()

        assert upstream.opened == 2

    async def test_head(self, upstream: Upstream) -> None:
        """A HEAD's answer has no body, whatever length it tells, and the connection goes on."""
        upstream.script = says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        async with client_of(upstream) as asker:
            assert await asker.ask("HEAD") == (200, b"")
            upstream.script = says(OK)
            assert await asker.ask() == (200, b"ok")

        assert upstream.opened == 1

    @pytest.mark.parametrize("upload", [False, True])
    async def test_left_early(self, upstream: Upstream, upload: bool) -> None:
        """An answer that is not read to its end takes its connection with it, and so does a request not yet sent."""
        upstream.script = says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal")

        async def endless() -> Pieces:
            yield b"first"
            await asyncio.Event().wait()

        async with client_of(upstream) as asker:
            if upload:
                upstream.script = _answers_at_once
            (await asker.begin("POST", endless() if upload else None)).close()
            await until(lambda: not upstream.connections)


async def _answers_at_once(wire: Wire, _: Message) -> None:
    await wire.send(OK)
    await wire.reader.read()


class TestUnaskedBytes:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("extra", [OK, b"x", b"\r\n\r\nHTTP/1.1 200 OK\r\n"])
    @pytest.mark.parametrize("is_late", [False, True])
    async def test_never_answer(self, upstream: Upstream, method: str, extra: bytes, is_late: bool) -> None:
        """What comes behind an answer ends the connection; the next request gets an answer of its own."""
        has_come = asyncio.Event()
        first = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + (b"" if method == "HEAD" else b"1.")

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(first if is_late else first + extra)
            await has_come.wait()
            if is_late:
                await wire.send(extra)

        upstream.script = script
        async with client_of(upstream) as asker:
            assert await asker.ask(method) == (200, b"" if method == "HEAD" else b"1.")
            has_come.set()
            await until(lambda: not upstream.connections)
            upstream.script = says(OK.replace(b"ok", b"2."))

            assert await asker.ask() == (200, b"2.")


class TestFailures:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "POST", "PATCH"])
    @pytest.mark.parametrize("kept", [False, True])
    async def test_nothing_is_asked_twice(self, upstream: Upstream, method: str, kept: bool) -> None:
        """The client repeats nothing by itself, on a kept connection either, and says which it was."""
        async with client_of(upstream) as asker:
            if kept:
                await asker.ask()
            upstream.forget()
            upstream.script = hangs_up

            with pytest.raises(SentNoAnswer) as failure:
                await asker.begin(method)

        assert len(upstream.seen) == 1
        assert failure.value.is_stale == kept
        assert upstream.opened == (0 if kept else 1)

    async def test_cancelled(self, upstream: Upstream) -> None:
        """Whoever waits no more leaves no connection behind."""
        upstream.script = _never
        async with client_of(upstream) as asker:
            asking = asyncio.create_task(asker.begin())
            await until(lambda: bool(upstream.seen))
            asking.cancel()
            await until(lambda: not upstream.connections)

        assert asking.cancelled() or asking.cancelling()

    async def test_a_pause(self, upstream: Upstream) -> None:
        """A body that pauses for too long is broken, and says that it was the time."""

        async def script(wire: Wire, _: Message) -> None:
            await wire.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            await wire.reader.read()

        upstream.script = script
        async with client_of(upstream, idle=0.1) as asker:
            with await asker.begin() as answer:
                assert await answer.read() == b"half"
                with pytest.raises(AnswerBroken) as failure:
                    await answer.read()

        assert failure.value.is_timeout


async def _never(wire: Wire, _: Message) -> None:
    await wire.reader.read()


class TestTls:
    @pytest.mark.parametrize("name", ["service.test", "other.test"])
    async def test_the_name_is_checked(self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A service behind https is asked at its address and known by its name; another's certificate is refused."""
        path = certificate_for("service.test", tmp_path)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        async with server, UpstreamClient(UpstreamConfig(url=f"https://{name}:{port}")) as client:
            asker = Asker(client, f"https://127.0.0.1:{port}")
            if name == "service.test":
                assert await asker.ask() == (200, b"ok")
            else:
                with pytest.raises(NotSent):
                    await asker.ask()
