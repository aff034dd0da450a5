"""The upstream client: one service over kept connections. Nothing else in the gateway knows what it is made of.

Every request runs once. A failure says what is known of it: `NotSent`, `SentNoAnswer`, or `AnswerBroken`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import http_parser
from multidict import CIMultiDict
from yarl import URL

from gateway.config import UpstreamConfig
from gateway.failures import AnswerBroken, NotSent, SentNoAnswer, UpstreamFailure

__all__ = ["Answer", "Outgoing", "UpstreamClient"]

BUFFER_BYTES = 65536
MAX_FIELD_BYTES = 16384
# Without this, aiohttp rounds timeouts over five seconds up to whole seconds.
NEVER_ROUND_SECONDS = 3600.0


@dataclass(slots=True)
class Outgoing:
    """A request as the upstream gets it. A streamed `body` without a content-length among `fields` goes in chunks.

    `idle_seconds` is how long the upstream may pause within its answer, if not as long as it may elsewhere.
    """

    method: str
    target: str
    fields: "list[tuple[str, str]]"
    body: bytes | AsyncIterator[bytes] | None
    idle_seconds: float | None = None
    transport: asyncio.Transport | None = None

    def abort(self) -> None:
        """End the connection that this request was sent on, if there is one.

        Closing it politely would wait until the upstream has taken what it is no longer meant to get.
        """
        if self.transport is not None:
            self.transport.abort()


_current: ContextVar[Outgoing] = ContextVar("outgoing request")


class _Request(aiohttp.ClientRequest):
    """A request that gets no field of aiohttp's own but `Host` and the length of an empty body."""

    def update_auto_headers(self, _: object) -> None:
        # What `send` consults, so that it invents no Content-Type.
        self._skip_auto_headers = _NO_CONTENT_TYPE

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        # Bytes that nobody asked for came after the last answer: they must not answer this request.
        if conn.protocol is not None and len(conn.protocol):
            conn.protocol.abort()
            raise aiohttp.ServerDisconnectedError
        _current.get().transport = conn.transport
        return await super().send(conn)


_NO_CONTENT_TYPE: "CIMultiDict[None]" = CIMultiDict({"Content-Type": None})


class UpstreamClient:
    """One upstream. Enter it before use; connections are kept, never limited and never waited for."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._config = config
        # `connect` includes the name's resolution, and there is no pool to wait for.
        self._timeout = aiohttp.ClientTimeout(
            total=None,
            connect=config.connect,
            sock_connect=config.connect,
            sock_read=config.first_byte,
            ceil_threshold=NEVER_ROUND_SECONDS,
        )
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        if http_parser.HttpResponseParser is http_parser.HttpResponseParserPy:
            raise RuntimeError(
                "aiohttp runs without its C parser, which the checks on answers rely on: install a wheel of it"
            )
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=self._config.keepalive, use_dns_cache=False)
        self._session = aiohttp.ClientSession(
            connector=connector,
            request_class=_Request,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=BUFFER_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            timeout=self._timeout,
        )
        # aiohttp repeats GET, PUT and DELETE once after a lost connection, also one that was never idle, so the
        # upstream could run them twice. There is no public switch; `test_client_never_retries` guards this one.
        self._session._retry_connection = False  # noqa: SLF001
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    @property
    def idle_seconds(self) -> float:
        """How long the upstream may pause within an exchange."""
        return self._config.idle

    async def send(self, request: Outgoing) -> "Answer":
        """Send `request` and return its answer as soon as the head is there, also while the body is still going.

        Raises `UpstreamFailure`. The caller closes the answer.
        """
        assert self._session is not None, "enter the client before use"
        url = URL(self._config.url + request.target, encoded=True)
        _current.set(request)
        try:
            response = await self._session.request(
                request.method,
                url,
                headers=request.fields,
                data=request.body,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            request.abort()
            raise _failure(error) from error
        except asyncio.CancelledError:
            request.abort()
            raise
        return Answer(request, response, request.idle_seconds or self._config.idle)


def _failure(error: Exception) -> UpstreamFailure:
    """Sort aiohttp's exceptions. Unknown ones count as sent: only that is safe to assume."""
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return NotSent(is_timeout=True)
    if isinstance(error, aiohttp.ClientConnectorError):
        return NotSent()
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)):
        return AnswerBroken()
    return SentNoAnswer(is_timeout=isinstance(error, TimeoutError))


class Answer:
    """An upstream's answer: its head, and its body as it comes. A context manager: left early, the connection ends."""

    __slots__ = ("_closed", "_has_old_timer", "_request", "_response", "fields", "status")

    def __init__(self, request: Outgoing, response: aiohttp.ClientResponse, idle_seconds: float) -> None:
        self._request = request
        self._response = response
        self.status = response.status
        self.fields = response.raw_headers
        connection = response.connection
        self._closed: asyncio.Future[None] | None = None
        # The timer that runs is still that of the first byte. With a part of the body here, reading may be paused on
        # purpose, and no timer must run before that part is taken.
        self._has_old_timer = connection is not None
        if connection is not None and connection.protocol is not None:
            connection.protocol.read_timeout = idle_seconds
            if not response.content.total_bytes:
                self._restart_timer()
            self._closed = connection.protocol.closed
            if self._closed is not None:
                # Once a connection, which may serve for hours.
                self._closed.remove_done_callback(_hear)
                self._closed.add_done_callback(_hear)
                self._closed.add_done_callback(self._break_off)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._closed is not None:
            self._closed.remove_done_callback(self._break_off)
        if self._response.connection is not None:
            self._request.abort()
            self._response.close()

    @property
    def is_whole(self) -> bool:
        """Whether the rest of the body is here already, so that the next `read` gives all of it."""
        return self._response.content.is_eof()

    async def read(self) -> bytes:
        """Return what has come of the body, at least a byte; nothing at its end. Raises `AnswerBroken`."""
        try:
            chunk = await self._response.content.readany()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AnswerBroken(is_timeout=isinstance(error, TimeoutError)) from error
        if self._has_old_timer:
            self._restart_timer()
        return chunk

    def _break_off(self, _: "asyncio.Future[None]") -> None:
        """aiohttp itself lets a reader wait for ever if the connection ends over a body that made no sense."""
        if not self._response.content.is_eof():
            self._response.content.set_exception(AnswerBroken())

    def _restart_timer(self) -> None:
        self._has_old_timer = False
        connection = self._response.connection
        if connection is not None and connection.protocol is not None:
            connection.protocol.start_timeout()


def _hear(closed: "asyncio.Future[None]") -> None:
    """Take note of how a connection ended: also long after its last answer, asyncio logs what nobody has asked for."""
    closed.exception()
