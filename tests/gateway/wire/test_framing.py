"""No byte of one request is ever taken for another one, by the gateway or by a service behind it."""

import pytest

from tests.gateway.peers import Message, Upstream, Wire, get
from tests.gateway.process import Gateway

SMUGGLED = get("/smuggled")


async def says_before_reading(wire: Wire, _: Message) -> None:
    """Answer as a service does that refuses by the head alone; the body, if one comes, stays unread."""
    await wire.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def offering(body: str, *lines: str) -> str:
    """Return a POST that offers an upgrade, with a body."""
    return get("/todos", "Connection: Upgrade", "Upgrade: foo", *lines, method="POST") + body


class TestUpgradeOffers:
    @pytest.mark.parametrize(
        "poison",
        [
            offering(SMUGGLED, f"Content-Length: {len(SMUGGLED)}"),
            offering("", "Content-Length: 70"),
            offering(f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        ],
        ids=["length", "length without body", "chunked"],
    )
    async def test_with_a_body_are_refused_and_closed(self, gateway: Gateway, upstream: Upstream, poison: str) -> None:
        """The parser never delivers such a body: nothing is sent on, and the connection ends."""
        upstream.script = says_before_reading
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(poison)

            assert (answer.status, answer.code) == (400, "bad_framing")
            assert await wire.is_closed()

        for _ in range(5):
            assert (await gateway.ask(get("/todos"))).status == 404
        assert [request.first_line for request in upstream.seen] == ["GET /todos HTTP/1.1"] * 5

    async def test_in_two_segments_are_one_request(self, gateway: Gateway, upstream: Upstream) -> None:
        """A body that comes later is not read as a request."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(offering("", f"Content-Length: {len(SMUGGLED)}"))
            answer = await wire.body(await wire.head())

            assert answer.status == 400
            assert await wire.is_closed()
        assert upstream.seen == []

    async def test_without_a_body_are_answered_as_http(self, gateway: Gateway, upstream: Upstream) -> None:
        """A client that offers HTTP/2 by default gets its answer, and a new connection for the next request."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(get("/todos", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"))

            assert answer.status == 200
            assert await wire.is_closed()
        assert len(upstream.seen) == 1


class TestTransferCodings:
    @pytest.mark.parametrize("coding", ["gzip, chunked", "identity", "xchunked"])
    async def test_other_than_chunked_are_refused(self, gateway: Gateway, upstream: Upstream, coding: str) -> None:
        """What is not understood is not passed on in another form (RFC 9112 section 6.1)."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos", f"Transfer-Encoding: {coding}", method="POST") + "0\r\n\r\n")

            assert (await wire.head()).status in {400, 501}
            assert await wire.is_closed()
        assert upstream.seen == []
