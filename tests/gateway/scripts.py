"""Scripts of upstreams that more than one file of tests needs."""

from tests.gateway.peers import Message, Wire


async def echoes(wire: Wire, request: Message) -> None:
    """Answer with the target and the body that came."""
    await wire.body(request)
    said = request.target.encode() + b" " + request.body
    await wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(said)}\r\n\r\n".encode() + said)


async def hangs_up(wire: Wire, _: Message) -> None:
    """Close the connection instead of an answer."""
    wire.writer.close()
