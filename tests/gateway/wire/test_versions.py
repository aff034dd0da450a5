"""Which versions of HTTP are spoken, and how with clients of the old one."""

import pytest

from tests.gateway.peers import Upstream, Wire, get, says
from tests.gateway.process import Gateway
from tests.gateway.scripts import echoes


class TestVersions:
    @pytest.mark.parametrize("version", ["HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0", "HTTP/9.9"])
    async def test_versions(self, gateway: Gateway, upstream: Upstream, version: str) -> None:
        """Others than 1.0 and 1.1 are a 505, and the end."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(get("/todos").replace("HTTP/1.1", version))

            assert (answer.status, answer.code) == (505, "http_version")
            assert answer.one("proxy-status") == "gateway; error=http_request_error"
            assert await wire.is_closed()
        assert upstream.seen == []

    @pytest.mark.parametrize("raw", ["GET /todos\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    async def test_versions_without_words(self, gateway: Gateway, upstream: Upstream, raw: str) -> None:
        """So are the oldest form of a request, and HTTP/2 by prior knowledge."""
        assert (await gateway.ask(raw)).status == 505
        assert upstream.seen == []

    @pytest.mark.parametrize("version", ["http/1.1", "HTTP/1", "HTTP/1.10", "HTTP/01.1", "HTP/1.1", ""])
    async def test_versions_that_are_none(self, gateway: Gateway, upstream: Upstream, version: str) -> None:
        """What is no version at all is no HTTP."""
        answer = await gateway.ask(get("/todos").replace("HTTP/1.1", version))

        assert answer.status in {400, 505}
        assert upstream.seen == []


class TestOldClients:
    async def test_http10_host(self, gateway: Gateway, upstream: Upstream) -> None:
        """They may leave out `Host`, then they mean the public one; they may not say it twice."""
        without = await gateway.ask("GET /todos HTTP/1.0\r\n\r\n")
        named = await gateway.ask("GET http://127.0.0.1/todos HTTP/1.0\r\n\r\n")
        twice = await gateway.ask("GET /todos HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n")

        assert (without.status, named.status, twice.status) == (200, 200, 400)
        assert [request.one("x-forwarded-host") for request in upstream.seen] == ["localhost:8080", "127.0.0.1"]

    async def test_http10_keeps_no_connection(self, gateway: Gateway, upstream: Upstream) -> None:
        """One answer, and the end."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer("GET /todos HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")

            assert answer.body == b"ok"
            assert await wire.is_closed()

    async def test_http10_body(self, gateway: Gateway, upstream: Upstream) -> None:
        """A body with a length is one."""
        upstream.script = echoes

        answer = await gateway.ask("POST /todos HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")

        assert answer.body == b"/todos abc"

    async def test_http10_coding(self, gateway: Gateway, upstream: Upstream) -> None:
        """Chunks did not exist: who sends them means something else (RFC 9112 section 6.1)."""
        answer = await gateway.ask("POST /todos HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

        assert (answer.status, answer.code) == (400, "bad_framing")
        assert upstream.seen == []

    async def test_http10_expect(self, gateway: Gateway, upstream: Upstream) -> None:
        """They get no interim answer, which they would take for the answer."""
        async with Wire.to(gateway.port) as wire:
            await wire.send("POST /todos HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            await gateway.ask(get("/health"))
            answer = await wire.answer("abc")

        assert (answer.status, upstream.last.body) == (200, b"abc")

    @pytest.mark.parametrize("size", [0, 1, 100_000, 1 << 20])
    async def test_http10_answer_without_length(self, gateway: Gateway, upstream: Upstream, size: int) -> None:
        """An answer in chunks is collected, and gets a length instead."""
        chunk = f"{size:x}\r\n{'x' * size}\r\n" if size else ""
        upstream.script = says(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")

        answer = await gateway.ask("GET /todos HTTP/1.0\r\n\r\n")

        assert (answer.status, answer.one("content-length"), len(answer.body)) == (200, str(size), size)
        assert answer.all("transfer-encoding") == []

    async def test_http10_long_answer(self, gateway: Gateway, upstream: Upstream) -> None:
        """One that is too long to be collected is a 505; with a length it passes, however long."""
        long = (1 << 20) + 1
        upstream.script = says(
            f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{long:x}\r\n{'x' * long}\r\n0\r\n\r\n"
        )
        refused = await gateway.ask("GET /todos HTTP/1.0\r\n\r\n")
        upstream.script = says(f"HTTP/1.1 200 OK\r\nContent-Length: {long}\r\n\r\n{'x' * long}")
        passed = await gateway.ask("GET /todos HTTP/1.0\r\n\r\n")

        assert (refused.status, refused.code, len(passed.body)) == (505, "http_version", long)

    async def test_http10_broken_answer(self, gateway: Gateway, upstream: Upstream) -> None:
        """One that breaks off while it is collected is no answer: nothing had left yet."""
        upstream.script = says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha", then_close=True)

        assert (await gateway.ask("GET /todos HTTP/1.0\r\n\r\n")).status == 502

    async def test_http10_stream(self, gateway: Gateway, upstream: Upstream) -> None:
        """A stream has no end that could be waited for."""
        answer = await gateway.ask("GET /live HTTP/1.0\r\n\r\n")

        assert (answer.status, answer.code) == (505, "http_version")
        assert upstream.seen == []
