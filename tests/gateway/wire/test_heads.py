"""How large a request's head may be, and how long it may take."""

import pytest

from tests.gateway.peers import Upstream, Wire, get
from tests.gateway.process import Gateway


class TestLargeHeads:
    @pytest.mark.parametrize(
        "fields",
        [
            [f"X-Long: {'x' * 33_000}"],
            [f"X-Many-{n}: x" for n in range(101)],
            [f"X-{n}: {'x' * 900}" for n in range(40)],
        ],
        ids=["one long field", "many fields", "together"],
    )
    async def test_are_431(self, gateway: Gateway, upstream: Upstream, fields: list[str]) -> None:
        """Over 32 KiB or 100 fields is refused as a problem, and the connection ends (RFC 6585 section 5)."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(get("/todos", *fields))

            assert (answer.status, answer.code) == (431, "headers_too_large")
            assert await wire.is_closed()
        assert upstream.seen == []

    async def test_are_not_collected(self, gateway: Gateway) -> None:
        """A field without an end costs no memory: the connection ends long before."""
        async with Wire.to(gateway.port) as wire:
            await wire.send("GET /todos HTTP/1.1\r\nHost: localhost:8080\r\nX-Endless: " + "x" * 70_000)

            assert (await wire.head()).status == 431
            assert await wire.is_closed()

    async def test_up_to_the_limit_pass(self, gateway: Gateway, upstream: Upstream) -> None:
        """Many requests with large heads on one connection are all answered."""
        async with Wire.to(gateway.port) as wire:
            for _ in range(5):
                answer = await wire.answer(get("/todos", *(f"X-{n}: {'x' * 250}" for n in range(95))))

                assert answer.status == 200


class TestSlowHeads:
    async def test_are_408(self, hasty: Gateway) -> None:
        """Who has begun a request and does not finish its head gets an answer and no more time."""
        async with Wire.to(hasty.port) as wire:
            await wire.send("GET /todos HTTP/1.1\r\nHost:")
            answer = await wire.body(await wire.head())

            assert (answer.status, answer.code) == (408, "request_timeout")
            assert await wire.is_closed()

    async def test_are_408_behind_another_request(self, hasty: Gateway) -> None:
        """So does who stops in the head of a later one, also when all of what came was in one packet."""
        async with Wire.to(hasty.port) as wire:
            await wire.answer(get("/todos"))
            answer = await wire.answer("GET /todos HTTP/1.1\r\nHost:")

            assert (answer.status, answer.code) == (408, "request_timeout")
            assert await wire.is_closed()

    async def test_without_a_byte_are_closed_silently(self, hasty: Gateway) -> None:
        """A connection that was opened and never used is nobody's request."""
        async with Wire.to(hasty.port) as wire:
            assert await wire.is_closed()

    async def test_do_not_hurry_the_next_request(self, hasty: Gateway) -> None:
        """The time between two requests on a kept connection is the keep-alive's, not the head's."""
        async with Wire.to(hasty.port) as wire:
            assert (await wire.answer(get("/livez"))).status == 200
            assert not await wire.is_closed(within=1.2)
            assert (await wire.answer(get("/livez"))).status == 200


class TestUnreadableRequests:
    @pytest.mark.parametrize("raw", ["rubbish\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n"])
    async def test_are_problems(self, gateway: Gateway, raw: str) -> None:
        """What is no HTTP is answered with a code all the same."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(raw)

            assert (answer.status, answer.code) == (400, "bad_request")
            assert await wire.is_closed()
