"""Asks a scripted upstream as the gateway does, by the client of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.configuration.config import UpstreamConfig
from gateway.transport.answer import Answer
from gateway.transport.client import UpstreamClient
from gateway.transport.outgoing import Outgoing, Pieces
from tests.gateway.peers import Upstream


@asynccontextmanager
async def client_of(upstream: Upstream, **config: object) -> AsyncIterator["Asker"]:
    """Give a client of a scripted upstream."""
    origin = f"http://127.0.0.1:{upstream.port}"
    async with UpstreamClient(UpstreamConfig.model_validate({"url": origin, **config})) as client:
        yield Asker(client, origin)


class Asker:
    """Asks one address."""

    def __init__(self, client: UpstreamClient, origin: str) -> None:
        self.client = client
        self.origin = origin

    async def begin(self, method: str = "GET", body: bytes | Pieces | None = None) -> Answer:
        """Send a request and return its answer, of which the head is there."""
        return await self.client.send(Outgoing(method, "/", [], body), self.origin)

    async def ask(self, method: str = "GET", body: bytes | Pieces | None = None) -> tuple[int, bytes]:
        """Send a request; return status and body of the answer."""
        with await self.begin(method, body) as answer:
            return answer.status, await whole(answer)


async def whole(answer: Answer) -> bytes:
    """Return the body of an answer."""
    pieces = []
    while piece := await answer.read():
        pieces.append(piece)
    return b"".join(pieces)
