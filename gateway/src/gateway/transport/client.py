"""The upstream client: one service over kept connections.

Every request runs once, at the endpoint that was named. A failure says what is known of it: `NotSent`, `SentNoAnswer`,
or `AnswerBroken`.
"""

import asyncio
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from gateway.configuration.config import UpstreamConfig
from gateway.transport.answer import Answer
from gateway.transport.failures import NotSent
from gateway.transport.link import Link
from gateway.transport.outgoing import Outgoing

__all__ = ["UpstreamClient"]


class UpstreamClient:
    """One upstream. Enter it before use; connections are kept, never limited and never waited for."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._config = config
        self._name = urlsplit(config.url)
        # One for all addresses: each reads the certificates of the system, a megabyte.
        self._tls = ssl.create_default_context() if self._name.scheme == "https" else None
        self._kept: dict[str, _Kept] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for kept in self._kept.values():
            kept.close()
        # The event loop closes sockets in its next turn.
        await asyncio.sleep(0)

    async def send(self, request: Outgoing, origin: str, *, anew: bool = False) -> Answer:
        """Send `request` to `origin`, scheme and address, and return its answer as soon as the head is there.

        That can be while the body is still going. `anew` takes a connection that has served nobody. Raises
        `UpstreamFailure`. The caller closes the answer.
        """
        kept = self._kept.get(origin)
        if kept is None:
            kept = self._kept[origin] = _Kept(self._config, origin, self._tls)
        link = (None if anew else kept.take()) or await kept.connect()
        answer = Answer(link, request.idle_seconds or self._config.idle, to_head=request.method == "HEAD")
        # The service is asked by its own name, at whichever of its addresses.
        link.send(request.head(self._name.netloc), request.body, answer, chunked=request.is_chunked)
        try:
            await answer.head()
        except BaseException:
            answer.close()
            raise
        return answer


class _Kept:
    """The connections to one address; of those that wait, the latest is used first, so that the others can age."""

    def __init__(self, config: UpstreamConfig, origin: str, tls: ssl.SSLContext | None) -> None:
        self.first_byte_seconds = config.first_byte
        self.keepalive_seconds = config.keepalive
        place = urlsplit(origin)
        self._host, self._port = place.hostname or "", place.port or (80 if tls is None else 443)
        self._tls = tls
        self._tls_name = None if tls is None else urlsplit(config.url).hostname
        self._connect_seconds = config.connect
        self._all: set[Link] = set()
        self._waiting: list[Link] = []

    def take(self) -> Link | None:
        """Return a connection that waits for a request, if one does."""
        while self._waiting:
            link = self._waiting.pop()
            if link.is_open:
                return link
        return None

    async def connect(self) -> Link:
        """Return a new connection; raises `NotSent`."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, link = await loop.create_connection(
                    lambda: Link(loop, self), self._host, self._port, ssl=self._tls, server_hostname=self._tls_name
                )
        except TimeoutError:
            raise NotSent(is_timeout=True) from None
        except OSError as error:
            raise NotSent from error
        self._all.add(link)
        return link

    def keep(self, link: Link) -> None:
        """Take a connection whose answer is whole."""
        self._waiting.append(link)

    def forget(self, link: Link) -> None:
        """Hear that a connection has ended."""
        self._all.discard(link)
        if link in self._waiting:
            self._waiting.remove(link)

    def close(self) -> None:
        """End all of them."""
        for link in self._all:
            link.abort()
