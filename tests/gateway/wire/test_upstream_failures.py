"""Upstreams that fail, and what the client hears of it."""

import asyncio
import time

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import OK, Message, Script, Upstream, Wire, get, says
from tests.gateway.process import Gateway
from tests.gateway.scripts import hangs_up
from tests.waiting import until


async def resets(wire: Wire, _: Message) -> None:
    """End the connection as a crash does."""
    wire.writer.transport.abort()


async def says_nothing(_: Wire, __: Message) -> None:
    """Keep the connection open and stay silent."""


class TestNoAnswer:
    @pytest.mark.parametrize(
        ("target", "status", "code", "cause"),
        [
            ("/dead", 502, "upstream_unreachable", "connection_refused"),
            ("/hole", 504, "upstream_connect_timeout", "connection_timeout"),
        ],
    )
    async def test_no_connection(self, gateway: Gateway, target: str, status: int, code: str, cause: str) -> None:
        """A service that cannot be reached is a 502 at once, or a 504 after the time to connect."""
        answer = await gateway.ask_a_bad_one(get(target))

        assert (answer.status, answer.code) == (status, code)
        assert answer.one("proxy-status") == f"gateway; error={cause}"

    @pytest.mark.parametrize("script", [hangs_up, resets])
    async def test_broken_connection(self, gateway: Gateway, upstream: Upstream, script: Script) -> None:
        """A service that hangs up before it answers is a 502."""
        upstream.script = script

        answer = await gateway.ask(get("/todos"))

        assert (answer.status, answer.code) == (502, "upstream_reset")
        assert answer.one("proxy-status") == "gateway; error=connection_terminated"

    async def test_silence(self, hasty: Gateway, upstream: Upstream) -> None:
        """A service that says nothing is a 504 after `first_byte`, and its connection is not used again."""
        upstream.script = says_nothing
        before = len(upstream.connections)
        asked = time.monotonic()

        answer = await hasty.ask(get("/todos"))

        assert (answer.status, answer.code) == (504, "upstream_timeout")
        assert time.monotonic() - asked > 0.4
        await until(lambda: len(upstream.connections) < before)

    async def test_others_go_on(self, gateway: Gateway, upstream: Upstream) -> None:
        """While one upstream does not answer, requests to another are answered."""
        may_answer = asyncio.Event()

        async def script(wire: Wire, request: Message) -> None:
            if request.target == "/auth":
                await may_answer.wait()
            await wire.send(OK)

        upstream.script = script
        slow = asyncio.create_task(gateway.ask(get("/auth")))
        await until(lambda: upstream.seen)
        answer = await gateway.ask(get("/todos"))

        assert (answer.status, slow.done()) == (200, False)
        may_answer.set()
        assert (await slow).status == 200


class TestPauses:
    async def test_a_stalled_body_ends(self, hasty: Gateway, upstream: Upstream) -> None:
        """An answer that stands still for `idle` breaks off, not after `first_byte`."""
        upstream.script = says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        asked = time.monotonic()

        with pytest.raises(asyncio.IncompleteReadError):
            await hasty.ask(get("/todos"))

        assert time.monotonic() - asked > 0.9

    async def test_a_late_body_comes(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """Once the head is there, a pause longer than `first_byte` is fine."""
        go_on = asyncio.Event()

        async def script(wire: Wire, _: Message) -> None:
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            asyncio.get_running_loop().call_later(2.2, go_on.set)
            await go_on.wait()
            await wire.send(b"late")

        upstream.script = script

        async with one_gateway(service="first_byte = 2") as gateway:
            assert (await gateway.ask(get("/todos"))).body == b"late"
