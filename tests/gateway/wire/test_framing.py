"""Where a request ends: upgrade offers, transfer codings, trailers."""

import pytest

from tests.gateway.peers import Message, Upstream, Wire, get
from tests.gateway.process import Gateway
from tests.gateway.scripts import echoes

OFFER = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
CHUNKED = "Transfer-Encoding: chunked"


def offering(target: str, body: str, *lines: str) -> str:
    """Return a POST that offers an upgrade, as a JDK's client does by default, with a body."""
    return get(target, *OFFER, *lines, method="POST") + body


class TestUpgradeOffers:
    @pytest.mark.parametrize(
        ("raw", "said"),
        [
            (get("/todos/1", *OFFER), b"/todos/1 "),
            (offering("/todos/1", "abcde", "Content-Length: 5"), b"/todos/1 abcde"),
            (offering("/todos/1", "3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n", CHUNKED), b"/todos/1 abcde"),
            (offering("/todos/1", "x" * 200_000, "Content-Length: 200000"), b"/todos/1 " + b"x" * 200_000),
        ],
        ids=["get", "length", "chunked", "large"],
    )
    async def test_h2c(self, gateway: Gateway, upstream: Upstream, raw: str, said: bytes) -> None:
        """The request is answered as HTTP/1.1, body included, and the connection goes on."""
        upstream.script = echoes
        async with Wire.to(gateway.port) as wire:
            first = await wire.answer(raw)
            second = await wire.answer(get("/todos/2"))

        assert (first.body, second.body) == (said, b"/todos/2 ")
        assert upstream.seen[0].all("upgrade") + upstream.seen[0].all("http2-settings") == []

    async def test_h2c_split(self, gateway: Gateway, upstream: Upstream) -> None:
        """However the bytes are cut, they are one request."""
        upstream.script = echoes
        raw = offering("/todos/1", "abcde", "Content-Length: 5")
        for cut in (1, 20, len(raw) - 8, len(raw) - 6, len(raw) - 5, len(raw) - 2):
            async with Wire.to(gateway.port) as wire:
                await wire.send(raw[:cut])
                # By the time that this is answered, the first part has been read.
                await gateway.ask(get("/health"))
                answer = await wire.answer(raw[cut:])

            assert answer.body == b"/todos/1 abcde"

    async def test_h2c_pipelined(self, gateway: Gateway, upstream: Upstream) -> None:
        """What follows the body is the next request, also if it offers an upgrade again."""
        upstream.script = echoes
        async with Wire.to(gateway.port) as wire:
            await wire.send(
                offering("/todos/1", "abc", "Content-Length: 3")
                + get("/todos/2", *OFFER)
                + offering("/todos/3", "1\r\nx\r\n0\r\n\r\n", CHUNKED)
                + get("/todos/4")
            )
            said = [(await wire.body(await wire.head())).body for _ in range(4)]

        assert said == [b"/todos/1 abc", b"/todos/2 ", b"/todos/3 x", b"/todos/4 "]

    async def test_body_is_never_a_request(self, gateway: Gateway, upstream: Upstream) -> None:
        """Neither the gateway nor a service that leaves it unread takes such a body for another request."""
        smuggled = get("/smuggled")

        async def says_before_reading(wire: Wire, _: Message) -> None:
            await wire.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            wire.writer.close()

        upstream.script = says_before_reading
        async with Wire.to(gateway.port) as wire:
            await wire.send(offering("/todos", smuggled, f"Content-Length: {len(smuggled)}"))
            statuses = [(await wire.body(await wire.head())).status]
            statuses.append((await wire.answer(get("/todos"))).status)

        assert statuses == [404, 404]
        assert [request.target for request in upstream.seen] == ["/todos", "/todos"]


class TestTransferCodings:
    @pytest.mark.parametrize(
        ("coding", "status"),
        [("gzip, chunked", 501), ("Chunked", 501), ("chunked, chunked", 400), ("identity", 400), ("xchunked", 400)],
    )
    async def test_other_than_chunked_are_refused(
        self, gateway: Gateway, upstream: Upstream, coding: str, status: int
    ) -> None:
        """What is not understood is not passed on in another form (RFC 9112 section 6.1)."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos", f"Transfer-Encoding: {coding}", method="POST") + "0\r\n\r\n")

            assert (await wire.head()).status == status
            assert await wire.is_closed()
        assert upstream.seen == []


class TestTrailers:
    @pytest.mark.parametrize("in_two", [False, True], ids=["one packet", "two"])
    @pytest.mark.parametrize("name", ["X-Extra", "Authorization", "Host", "Cookie", "X-Forwarded-For"])
    async def test_trailer(self, gateway: Gateway, upstream: Upstream, name: str, in_two: bool) -> None:
        """Fields behind a body are read and dropped: they never are fields of this request or of the next one."""
        upstream.script = echoes
        raw = get("/todos/1", CHUNKED, "X-Stays: 1", method="POST") + f"3\r\nabc\r\n0\r\n{name}: forged\r\n\r\n"
        cut = raw.index("forged") if in_two else len(raw)
        async with Wire.to(gateway.port) as wire:
            await wire.send(raw[:cut])
            if in_two:
                await gateway.ask(get("/health"))
            first = await wire.answer(raw[cut:])
            second = await wire.answer(get("/todos/2"))

        assert (first.body, second.body) == (b"/todos/1 abc", b"/todos/2 ")
        assert b"forged" not in upstream.seen[0].raw_head + upstream.seen[1].raw_head

    @pytest.mark.parametrize("line", ["Content-Length: 3", CHUNKED])
    async def test_that_would_frame_are_refused(self, gateway: Gateway, upstream: Upstream, line: str) -> None:
        """A length behind the body is a second opinion on where it ends."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(get("/todos", CHUNKED, method="POST") + f"0\r\n{line}\r\n\r\n")

            assert answer.status == 400
            assert await wire.is_closed()
        assert upstream.seen == []

    @pytest.mark.parametrize("endless", ["X-Endless: ", "3;a="], ids=["trailer", "chunk extension"])
    async def test_without_an_end_are_not_collected(self, gateway: Gateway, endless: str) -> None:
        """What is thrown away anyway has bounds too."""
        end = "0\r\n" if endless.startswith("X") else ""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos", CHUNKED, method="POST") + "3\r\nabc\r\n")
            await gateway.ask(get("/health"))
            answer = await wire.answer(end + endless + "x" * 70_000)

            assert (answer.status, answer.code) == (431, "headers_too_large")
