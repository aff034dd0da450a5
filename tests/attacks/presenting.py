"""Presenting tokens over bare connections, because no client would send what is sent here."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from tests.gateway.peers import Message, Wire

AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Place:
    """An address that wants an access token."""

    port: int
    path: str
    takes_frontends: bool
    """Whether the tokens of a Better Auth frontend are good there."""


class Line:
    """A connection that is opened anew when the other side said that it would close it, and never otherwise."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: AsyncExitStack | None = None
        self._wire: Wire | None = None

    async def ask(self, raw: bytes) -> Message:
        """Send a request; return the answer. A connection that is closed without one is an error."""
        if self._wire is None:
            self._open = AsyncExitStack()
            self._wire = await self._open.enter_async_context(Wire.to(self._port))
        answer = await self._wire.answer(raw)
        if answer.one("connection") == "close":
            await self.close()
        return answer

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._open is not None:
            await self._open.aclose()
        self._open = self._wire = None


def bearing(place: Place, token: str) -> bytes:
    """Return a request that presents `token`."""
    head = f"GET {place.path} HTTP/1.1\r\nHost: localhost:{place.port}\r\nAuthorization: Bearer "
    return head.encode() + token.encode("utf-8", "surrogatepass") + b"\r\n\r\n"


async def answers_to(place: Place, requests: Sequence[bytes]) -> list[Message]:
    """Send each request, some at once; return the answers in the order of the requests."""
    found: dict[int, Message] = {}

    async def send_some(numbered: Iterator[tuple[int, bytes]]) -> None:
        line = Line(place.port)
        for number, raw in numbered:
            found[number] = await line.ask(raw)
        await line.close()

    numbered = iter(enumerate(requests))
    await asyncio.gather(*(send_some(numbered) for _ in range(AT_ONCE)))
    return [found[number] for number in range(len(requests))]


async def statuses(place: Place, tokens: Iterable[str]) -> list[int]:
    """Present each token; return the status of each answer."""
    return [answer.status for answer in await answers_to(place, [bearing(place, token) for token in tokens])]
