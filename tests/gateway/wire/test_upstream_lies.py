"""Answers that say one thing and do another: the client gets a clear one or none, and nobody gets another's."""

import asyncio

import pytest

from tests.gateway.peers import DEADLINE_SECONDS, Message, Upstream, Wire, get, says
from tests.gateway.process import Gateway

BROKEN = {
    "no status line": "SSH-2.0-OpenSSH\r\n\r\n",
    "another version": "HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    "length and chunks": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length of letters": "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "negative length": "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "control byte": "HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n",
    "nul": "HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n",
    "space in a name": "HTTP/1.1 200 OK\r\nX A: b\r\nContent-Length: 0\r\n\r\n",
    "empty name": "HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n",
}


class TestBrokenHeads:
    @pytest.mark.parametrize("name", BROKEN)
    async def test_are_one_problem(self, gateway: Gateway, upstream: Upstream, name: str) -> None:
        """What is not one readable answer is a 502."""
        upstream.script = says(BROKEN[name])

        answer = await gateway.ask(get("/todos"))

        assert (answer.status, answer.code) == (502, "upstream_protocol")
        assert answer.one("proxy-status") == "gateway; error=http_protocol_error"

    @pytest.mark.parametrize("status", [0, 99, 600, 700, 999])
    async def test_odd_status(self, gateway: Gateway, upstream: Upstream, status: int) -> None:
        """A status that no client knows is no answer."""
        upstream.script = says(f"HTTP/1.1 {status:03} Odd\r\nContent-Length: 0\r\n\r\n")

        answer = await gateway.ask(get("/todos"))

        assert (answer.status, answer.code) == (502, "upstream_protocol")

    async def test_odd_status_without_being_asked(self, gateway: Gateway, upstream: Upstream) -> None:
        """Nobody asked to switch protocols."""
        upstream.script = says("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")

        assert (await gateway.ask(get("/todos"))).status == 502

    @pytest.mark.parametrize("status", [299, 418, 499, 599])
    async def test_rare_status(self, gateway: Gateway, upstream: Upstream, status: int) -> None:
        """One of a known class passes, known or not."""
        upstream.script = says(f"HTTP/1.1 {status} Rare\r\nContent-Length: 2\r\n\r\nok")

        answer = await gateway.ask(get("/todos"))

        assert (answer.status, answer.body) == (status, b"ok")

    @pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
    async def test_upstream_crlf(self, gateway: Gateway, upstream: Upstream, ending: str) -> None:
        """A value that a service let somebody end early makes no second answer, and no cookie by a bare CR."""
        injected = f"x{ending}Set-Cookie: forged=1{ending}{ending}HTTP/1.1 200 OK{ending}Content-Length: 6"
        upstream.script = says(f"HTTP/1.1 200 OK\r\nX-A: {injected}\r\n\r\nforged", then_close=True)
        async with Wire.to(gateway.port) as wire:
            first = await wire.answer(get("/todos"))
            upstream.script = says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            second = await wire.answer(get("/todos"))

        assert (ending != "\r") or first.status == 502
        assert second.body == b"ok"

    @pytest.mark.parametrize(
        "lines",
        [f"X-A: {'a' * 20_000}\r\n", f"X-A: {'a' * 9000}\r\n" * 8, "X-A: a\r\n" * 20_000, f"{'X' * 70_000}: a\r\n"],
        ids=["one field", "together", "many", "one name"],
    )
    async def test_upstream_big_headers(self, gateway: Gateway, upstream: Upstream, lines: str) -> None:
        """A head of over 64 KiB, or a field of over 16, is more than clients take."""
        upstream.script = says(f"HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n")

        answer = await gateway.ask(get("/todos"))

        assert (answer.status, answer.code) == (502, "upstream_protocol")

    async def test_upstream_endless_header(self, gateway: Gateway, upstream: Upstream) -> None:
        """A head without an end is not collected."""

        async def script(wire: Wire, _: Message) -> None:
            await wire.send("HTTP/1.1 200 OK\r\nX-A: ")
            while True:
                await wire.send("a" * 65536)

        upstream.script = script
        before = gateway.resident_kilobytes()

        assert (await gateway.ask(get("/todos"))).status == 502
        assert gateway.resident_kilobytes() - before < 16 * 1024


class TestBodiesThatDoNotFit:
    @pytest.mark.parametrize("status", [204, 304])
    @pytest.mark.parametrize("framing", ["Content-Length: 6", "Transfer-Encoding: chunked"])
    async def test_bodyless(self, gateway: Gateway, upstream: Upstream, status: int, framing: str) -> None:
        """A body where there is none goes nowhere, and is never the answer to the next request."""
        body = "forged" if framing.startswith("C") else "6\r\nforged\r\n0\r\n\r\n"
        upstream.script = says(f"HTTP/1.1 {status} X\r\n{framing}\r\n\r\n{body}")
        async with Wire.to(gateway.port) as wire:
            bodyless = await wire.answer(get("/todos"))
            upstream.script = says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            after = [await wire.answer(get("/todos")) for _ in range(3)]

        # In one packet with its body, the answer cannot be read; the body in another one is what nobody asked for.
        assert bodyless.status in {status, 502}
        if bodyless.status == status:
            assert bodyless.all("content-length") + bodyless.all("transfer-encoding") == []
        assert b"forged" not in bodyless.body + b"".join(answer.body for answer in after)

    async def test_body_of_a_head(self, gateway: Gateway, upstream: Upstream) -> None:
        """So it is with an answer to HEAD."""
        upstream.script = says("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        async with Wire.to(gateway.port) as wire:
            head = await wire.answer(get("/todos", method="HEAD"), to_head=True)
            upstream.script = says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            after = [await wire.answer(get("/todos")) for _ in range(3)]

        assert head.status in {200, 502}
        assert b"forged" not in b"".join(answer.body for answer in after)

    async def test_more_than_said(self, gateway: Gateway, upstream: Upstream) -> None:
        """What comes behind the length that was said belongs to nobody."""
        upstream.script = says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nforged")
        async with Wire.to(gateway.port) as wire:
            first = await wire.answer(get("/todos"))
            upstream.script = says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            after = [await wire.answer(get("/todos")) for _ in range(3)]

        assert first.body == b"ok"
        assert b"forged" not in b"".join(answer.body for answer in after)

    @pytest.mark.parametrize(
        "raw",
        [
            "Content-Length: 100\r\n\r\nhalf",
            "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ],
        ids=["length", "chunked"],
    )
    async def test_short_body(self, gateway: Gateway, upstream: Upstream, raw: str) -> None:
        """An answer that breaks off never looks whole: the client's connection ends before the body does."""
        upstream.script = says(f"HTTP/1.1 200 OK\r\n{raw}", then_close=True)

        with pytest.raises(asyncio.IncompleteReadError):
            await gateway.ask(get("/todos"))

    @pytest.mark.parametrize("bad", ["zz\r\nx\r\n0\r\n\r\n", "3\r\nmore0\r\n\r\n"], ids=["size", "data"])
    async def test_broken_chunks(self, gateway: Gateway, upstream: Upstream, bad: str) -> None:
        """So it is with one that stops making sense behind its first piece; before that, it is a problem."""
        has_come = asyncio.Event()

        async def script(wire: Wire, _: Message) -> None:
            await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            await has_come.wait()
            await wire.send(bad)

        upstream.script = script
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos"))
            head = await wire.head()
            pieces = [await wire.chunk()]
            has_come.set()
            async with asyncio.timeout(DEADLINE_SECONDS):
                rest = await wire.reader.read()
        upstream.script = says(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n{bad}")
        at_once = await gateway.ask(get("/todos"))

        assert (head.status, pieces) == (200, [b"half"])
        assert not rest.endswith(b"0\r\n\r\n")
        assert at_once.status == 502

    async def test_trailers_are_dropped(self, gateway: Gateway, upstream: Upstream) -> None:
        """Fields behind a body are no fields of the answer."""
        upstream.script = says(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: forged=1\r\n\r\n"
        )

        answer = await gateway.ask(get("/todos"))

        assert (answer.body, answer.all("set-cookie")) == (b"ok", [])

    async def test_what_connection_nominates(self, gateway: Gateway, upstream: Upstream) -> None:
        """A field that the upstream meant for the gateway alone stays there."""
        upstream.script = says(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Stays: 1\r\nContent-Length: 2\r\n\r\nok"
        )

        answer = await gateway.ask(get("/todos"))

        assert (answer.all("x-hop"), answer.one("x-stays")) == ([], "1")
