"""Clients that send what nobody should, or too much of it."""

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Upstream, Wire, get, post
from tests.gateway.process import Gateway


class TestBadRequests:
    @pytest.mark.parametrize(
        "target",
        [
            *("/todos//x", "//todos", "/todos/../auth", "/todos/./x", "/todos/%2e%2e/auth", "/todos/.%2E/auth"),
            *("/todos/%2e", "/todos/a%2Fb", "/todos/a%2fb", "/todos/a%5Cb", "/todos/a%00b", "/todos/%2561"),
            *("/todos/a\\b", "/todos;x=1", "/todos/a;b", "/todos/%zz", "/todos/%4", "/todos/%", "/todos/{a}"),
            *('/todos/"a"', "/todos/a|b", "/todos/a^b", "/todos/<a>", "/todos/`a`", "/todos/..", "/todos/x//"),
            *("/todos/a#b", "/todos#", "/todos?a=b#c", "*", "http:///todos", "ftp://localhost/todos"),
        ],
    )
    async def test_odd_paths(self, gateway: Gateway, upstream: Upstream, target: str) -> None:
        """Addresses that servers read in different ways are refused, not repaired."""
        answer = await gateway.ask(get(target))

        assert (answer.status, answer.code) == (400, "bad_target")
        assert upstream.seen == []

    @pytest.mark.parametrize("target", [b"/todos/\xc3\xa4", b"/todos/\xff", b"/todos/\x01", b"/todos/\x7f"])
    async def test_odd_bytes(self, gateway: Gateway, upstream: Upstream, target: bytes) -> None:
        """So are bytes that no address may have."""
        answer = await gateway.ask(get("/todos/X").encode().replace(b"/todos/X", target))

        assert (answer.status, answer.code) == (400, "bad_target")
        assert upstream.seen == []

    async def test_long_targets(self, gateway: Gateway, upstream: Upstream) -> None:
        """8192 bytes of address are enough for everybody; more end the connection."""
        fits = await gateway.ask(get("/todos?" + "a" * 8185))
        async with Wire.to(gateway.port) as wire:
            too_long = await wire.answer(get("/todos?" + "a" * 8186))

            assert await wire.is_closed()
        assert (fits.status, too_long.status, too_long.code) == (200, 414, "target_too_long")
        assert len(upstream.seen) == 1

    async def test_longer_targets_where_they_are_taken(self, one_gateway: OneGateway) -> None:
        """An operator who needs longer addresses gets them."""
        async with one_gateway("max_target_bytes = 10000") as gateway:
            answer = await gateway.ask(get("/todos?" + "a" * 9993))

        assert answer.status == 200

    @pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "QUERY", "SUBSCRIBE", "UNLINK"])
    async def test_unrouted_methods(self, gateway: Gateway, upstream: Upstream, method: str) -> None:
        """Methods that HTTP knows and no address takes are 405; those that it does not know cannot be read: 400."""
        known = await gateway.ask(get(method=method))
        unknown = await gateway.ask(get(method=f"{method}S"))

        assert (known.status, known.code) == (405, "method_not_allowed")
        assert (unknown.status, unknown.code) == (400, "bad_request")
        assert upstream.seen == []

    @pytest.mark.parametrize("target", ["/todosx", "/todo", "/TODOS", "/read/x", "/%74odos"])
    async def test_no_route(self, gateway: Gateway, upstream: Upstream, target: str) -> None:
        """Prefixes match whole segments, as bytes."""
        answer = await gateway.ask(get(target))

        assert (answer.status, answer.code) == (404, "not_found")
        assert upstream.seen == []

    async def test_wrong_method(self, gateway: Gateway, upstream: Upstream) -> None:
        """A method that the route does not take is a 405 that names those it does."""
        answer = await gateway.ask(get("/read", method="DELETE"))

        assert (answer.status, answer.one("allow")) == (405, "GET, HEAD, OPTIONS")
        assert upstream.seen == []


class TestBodyLimits:
    async def test_declared_too_large(self, gateway: Gateway, upstream: Upstream) -> None:
        """A body that declares itself too large is refused unread, while all of it is still pending."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(get("/todos", f"Content-Length: {1 << 30}", method="POST"))

            assert (answer.status, answer.code, answer.one("connection")) == (413, "body_too_large", "close")
            assert await wire.is_closed()
        assert upstream.seen == []

    async def test_long_one_of_a_refused_request(self, gateway: Gateway) -> None:
        """Whatever a request is refused for, the connection ends instead of taking a long body that nobody wants."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/nothing", f"Content-Length: {1 << 30}", method="POST"))
            await wire.send(b"x" * 1_000_000)
            answer = await wire.body(await wire.head())

            assert (answer.status, answer.one("connection")) == (404, "close")
            assert await wire.is_closed()

    async def test_short_one_of_a_refused_request(self, gateway: Gateway) -> None:
        """A short one is read and forgotten, and the connection goes on."""
        async with Wire.to(gateway.port) as wire:
            refused = await wire.answer(post("/nothing", "x" * 60_000))
            answer = await wire.answer(get("/todos"))

        assert (refused.status, refused.one("connection"), answer.status) == (404, None, 200)

    async def test_is_seen_by_a_client_that_sends_on(self, gateway: Gateway) -> None:
        """A client in the middle of its upload gets the answer, not a reset."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos", "Content-Length: 8000000", method="POST"))
            await wire.send(b"x" * 4_000_000)
            answer = await wire.body(await wire.head())

        assert answer.status == 413

    async def test_counted_too_large(self, gateway: Gateway, upstream: Upstream) -> None:
        """So is one that turns out to be, and the upstream never takes it for a whole one."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/dead", "Transfer-Encoding: chunked", method="POST"))
            answer = await wire.answer("800\r\n" + "x" * 2048 + "\r\n")

        assert (answer.status, answer.code) == (413, "body_too_large")

    async def test_streamed_too_large(self, gateway: Gateway, upstream: Upstream) -> None:
        """Also when a part of it is with the upstream already, where it ends without a last chunk."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos", "Transfer-Encoding: chunked", method="POST"))
            answer = await wire.answer("120000\r\n" + "x" * 0x120000 + "\r\n")

        assert (answer.status, answer.code) == (413, "body_too_large")
        assert len(upstream.last.body) < 0x120000

    async def test_no_body_at_all(self, gateway: Gateway, upstream: Upstream) -> None:
        """A route that takes no body takes not one byte."""
        answer = await gateway.ask(get("/read", "Content-Length: 1") + "x")

        assert answer.status == 413

    async def test_slow_client(self, hasty: Gateway, upstream: Upstream) -> None:
        """A client that stops in the middle of its body gets a 408; the upstream has not heard of it."""
        answer = await hasty.ask(get("/todos", "Content-Length: 10", method="POST") + "abc")

        assert (answer.status, answer.code, answer.one("connection")) == (408, "request_timeout", "close")
        assert upstream.seen == []

    async def test_expect_is_met_when_the_body_is_wanted(self, gateway: Gateway, upstream: Upstream) -> None:
        """`100 Continue` comes once the gateway wants the body; the upstream is not asked for it."""
        async with Wire.to(gateway.port) as wire:
            await wire.send(get("/todos", "Content-Length: 2", "Expect: 100-continue", method="POST"))
            asked = await wire.head()
            answer = await wire.answer("hi")

        assert (asked.status, answer.status) == (100, 200)
        assert upstream.last.body == b"hi"
        assert upstream.last.all("expect") == []

    @pytest.mark.parametrize(
        ("target", "length", "status"), [("/todos", 1 << 30, 413), ("/nowhere", 2, 404), ("/read", 2, 405)]
    )
    async def test_expect_is_refused_first(self, gateway: Gateway, target: str, length: int, status: int) -> None:
        """A request that is refused is never told to send its body, and its connection ends."""
        async with Wire.to(gateway.port) as wire:
            request = get(target, f"Content-Length: {length}", "Expect: 100-continue", method="POST")
            answer = await wire.answer(request)

            assert (answer.status, answer.one("connection")) == (status, "close")

    async def test_bad_post_then_next_request(self, gateway: Gateway, upstream: Upstream) -> None:
        """After a refusal the rest of the body is not taken for the next request."""
        async with Wire.to(gateway.port) as wire:
            first = await wire.answer(post("/nowhere", get("/auth")))
            second = await wire.answer(get("/todos"))

        assert (first.status, second.status) == (404, 200)
        assert [request.target for request in upstream.seen] == ["/todos"]
