"""Clients that take their time: each is let go in the end, and none costs another client an answer."""

import asyncio
import socket
from contextlib import AsyncExitStack, ExitStack

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import DEADLINE_SECONDS, Message, Upstream, Wire, get, post
from tests.proofs import rounds
from tests.waiting import until

HASTY = """
header_timeout = 0.8
body_idle = 0.8
body_grace = 0.4
min_body_rate = 100000
write_stall = 0.6
"""
PEERS = rounds(500)
LONG, PIECE = 8 << 20, 1 << 15


def peers_of(kind: str) -> int:
    """Return how many there are of a kind; readers make the upstream fill the buffers of each of them."""
    return PEERS // 5 if kind == "reader" else PEERS


async def answers_at_length(wire: Wire, request: Message) -> None:
    """Answer shortly, or with more than the buffers between two sockets hold."""
    await wire.body(request)
    pieces = LONG // PIECE if request.target == "/auth/long" else 1
    await wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {pieces * PIECE}\r\n\r\n")
    for _ in range(pieces):
        await wire.send(b"x" * PIECE)


def narrow_socket(port: int) -> socket.socket:
    """Return a connection of which the kernel holds little: a small window, and packets as small as may be."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    narrow.connect(("127.0.0.1", port))
    return narrow


async def drip(wire: Wire, head: str, piece: str) -> None:
    """Send `head`, then one `piece` after another until the other side has had enough."""
    await wire.send(head)
    while not wire.reader.at_eof():
        await wire.send(piece)
        await asyncio.sleep(0.1)


class TestSlow:
    @pytest.mark.parametrize(
        ("kind", "first"),
        [
            ("silent", ""),
            ("head", "GET /todos HTTP/1.1\r\nHost: localhost\r\nX-A:"),
            ("second head", get("/todos") + "GET /todos HT"),
            ("body", get("/todos", "Content-Length: 100", method="POST") + "abc"),
            ("large body", get("/big", "Content-Length: 200000", method="POST") + "x" * 70_000),
            ("chunk", get("/todos", "Transfer-Encoding: chunked", method="POST") + "5\r\nab"),
            ("reader", get("/auth/long", "Connection: close")),
        ],
        ids=lambda text: text[:12].strip() if " /" not in text else "",
    )
    async def test_slow(self, one_gateway: OneGateway, upstream: Upstream, kind: str, first: str) -> None:
        """Hundreds that stop in the middle are all let go, and meanwhile another client is always answered."""
        upstream.script = answers_at_length
        async with one_gateway(HASTY) as gateway, AsyncExitStack() as peers:
            wires = [await peers.enter_async_context(Wire.to(gateway.port)) for _ in range(peers_of(kind))]
            if kind == "reader":
                for wire in wires:
                    wire.reader._transport.pause_reading()  # type: ignore[attr-defined]  # as one that never reads
            for wire in wires:
                await wire.send(first)
            statuses = {(await gateway.ask(post("/auth", "abc"))).status for _ in range(50)}
            ports = {wire.writer.get_extra_info("sockname")[1] for wire in wires}

            assert statuses == {200}
            await until(lambda: not gateway.serves_any(ports), seconds=30)

    async def test_slow_reader_of_little(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """Neither does it help to leave less than the gateway likes to hold: what waits for nobody has its time too.

        The kernel takes some of an answer, so that one of these leaves next to nothing, and others more and more.
        """

        async def as_asked(wire: Wire, request: Message) -> None:
            size = int(request.target.rpartition("/")[2])
            await wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n" + "x" * size)

        upstream.script = as_asked
        async with one_gateway(HASTY) as gateway:
            with ExitStack() as peers:
                sockets = [peers.enter_context(narrow_socket(gateway.port)) for _ in range(64)]
                for number, peer in enumerate(sockets, 1):
                    peer.sendall(get(f"/auth/{number * PIECE // 4}", "Connection: close").encode())
                await until(lambda: len(upstream.seen) == len(sockets))
                ports = {peer.getsockname()[1] for peer in sockets}

                await until(lambda: not gateway.serves_any(ports), seconds=30)

    async def test_slow_reader_that_asks_on(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """Nor to ask for more beforehand: the next answer waits no longer than for the others to be taken."""
        upstream.script = answers_at_length
        async with one_gateway(HASTY) as gateway:
            with narrow_socket(gateway.port) as peer:
                peer.sendall(get("/auth").encode() * 200)
                port = peer.getsockname()[1]
                await until(lambda: len(upstream.seen) > 1)

                await until(lambda: not gateway.serves_any({port}))

    @pytest.mark.parametrize("piece", ["1\r\nx\r\n", "1;ext\r\nx\r\n"])
    async def test_slow_drip(self, one_gateway: OneGateway, upstream: Upstream, piece: str) -> None:
        """A body that never stands still but never gets anywhere either is a 408."""
        async with one_gateway(HASTY) as gateway, Wire.to(gateway.port) as wire:
            head = get("/todos", "Transfer-Encoding: chunked", method="POST")
            dripping = asyncio.create_task(drip(wire, head, piece))
            answer = await wire.body(await wire.head())
            await asyncio.gather(dripping, return_exceptions=True)

        assert (answer.status, answer.code) == (408, "request_timeout")
        assert upstream.seen == []

    async def test_slow_empty_lines(self, one_gateway: OneGateway) -> None:
        """Empty lines before a request are skipped (RFC 9112 section 2.2) and buy no time."""
        async with one_gateway(HASTY) as gateway, Wire.to(gateway.port) as wire:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await asyncio.gather(drip(wire, "\r\n", "\r\n"), wire.reader.read(), return_exceptions=True)

            assert wire.reader.at_eof()

    async def test_slow_reader_that_reads(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """Who takes a little now and then keeps its connection."""
        upstream.script = answers_at_length
        async with one_gateway(HASTY) as gateway, Wire.to(gateway.port) as wire:
            wire.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            await wire.send(get("/auth/long"))
            await wire.head()
            left = LONG
            while left:
                left -= len(await wire.reader.readexactly(min(left, LONG // 16)))
                await asyncio.sleep(0.1)

        assert left == 0


class TestManyConnections:
    async def test_more_than_allowed_are_closed(self, one_gateway: OneGateway) -> None:
        """Those that are there stay; the next one is closed as it comes, until there is room again."""
        async with one_gateway("max_connections = 3") as gateway, AsyncExitStack() as kept:
            wires = [await kept.enter_async_context(Wire.to(gateway.port)) for _ in range(3)]
            statuses = [(await wire.answer(get("/health"))).status for wire in wires]
            async with Wire.to(gateway.port) as turned_away:
                assert await turned_away.is_closed()
            statuses.append((await wires[0].answer(get("/health"))).status)
            wires[1].writer.close()

            async def is_answered() -> bool:
                try:
                    return (await gateway.ask(get("/health"))).status == 200
                except (ConnectionError, asyncio.IncompleteReadError):
                    return False

            await until(is_answered)
        assert statuses == [200] * 4
