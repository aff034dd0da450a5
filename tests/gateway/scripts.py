"""Scripts of upstreams that more than one file of tests needs."""

import asyncio

from tests.gateway.peers import Message, Wire


async def echoes(wire: Wire, request: Message) -> None:
    """Answer with the target and the body that came."""
    await wire.body(request)
    said = request.target.encode() + b" " + request.body
    await wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said)


async def hangs_up(wire: Wire, _: Message) -> None:
    """Close the connection instead of an answer."""
    wire.writer.close()


class Held:
    """Answers as `echoes` does, when it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def __call__(self, wire: Wire, request: Message) -> None:
        await self.may_answer.wait()
        await echoes(wire, request)
