"""The upstream client: one service over kept connections. Only this and `answer` know what it is made of.

Every request runs once, at the endpoint that was named. A failure says what is known of it: `NotSent`, `SentNoAnswer`,
or `AnswerBroken`.
"""

import asyncio
from contextvars import ContextVar
from typing import Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import http_parser
from multidict import CIMultiDict
from yarl import URL

from gateway.answer import Answer
from gateway.config import UpstreamConfig
from gateway.failures import AnswerBroken, NotSent, SentNoAnswer, UpstreamFailure
from gateway.outgoing import Outgoing

__all__ = ["UpstreamClient"]

BUFFER_BYTES = 65536
MAX_FIELD_BYTES = 16384
# Without this, aiohttp rounds timeouts over five seconds up to whole seconds.
NEVER_ROUND_SECONDS = 3600.0


_current: ContextVar[Outgoing] = ContextVar("outgoing request")


class _Request(aiohttp.ClientRequest):
    """A request that gets no field of aiohttp's own but the length of an empty body."""

    def update_headers(self, _: object) -> None:
        request = _current.get()
        self.headers = CIMultiDict([("Host", request.host), *request.fields, *request.attempt_fields])

    def update_auto_headers(self, _: object) -> None:
        # What `send` consults, so that it invents no Content-Type.
        self._skip_auto_headers = _NO_CONTENT_TYPE

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        # Bytes that nobody asked for came after the last answer: they must not answer this request.
        wire = conn.protocol
        if wire is not None and len(wire):
            wire.abort()
            raise aiohttp.ServerDisconnectedError
        request, served = _current.get(), vars(wire)
        request.transport, request.is_sent = conn.transport, True
        request.is_reusing = _HAS_SERVED in served
        served[_HAS_SERVED] = True
        return await super().send(conn)


_NO_CONTENT_TYPE: "CIMultiDict[None]" = CIMultiDict({"Content-Type": None})
_HAS_SERVED = "has_served"


class UpstreamClient:
    """One upstream. Enter it before use; connections are kept, never limited and never waited for."""

    def __init__(self, config: UpstreamConfig) -> None:
        self._config = config
        place = urlsplit(config.url)
        # The service is asked by its own name, at whichever of its addresses.
        self._host = place.netloc
        self._tls_name = place.hostname if place.scheme == "https" else None
        self._kept: aiohttp.ClientSession | None = None
        self._single: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        if http_parser.HttpResponseParser is http_parser.HttpResponseParserPy:
            raise RuntimeError(
                "aiohttp runs without its C parser, which the checks on answers rely on: install a wheel of it"
            )
        keepalive = self._config.keepalive
        self._kept = self._session(aiohttp.TCPConnector(limit=0, keepalive_timeout=keepalive, use_dns_cache=False))
        self._single = self._session(aiohttp.TCPConnector(limit=0, force_close=True, use_dns_cache=False))
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in (self._kept, self._single):
            if session is not None:
                await session.close()

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        config = self._config
        session = aiohttp.ClientSession(
            connector=connector,
            request_class=_Request,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=BUFFER_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            # There is no pool to wait for, and addresses need no resolution: `connect` is that of the socket, and TLS.
            timeout=aiohttp.ClientTimeout(
                total=None,
                connect=config.connect,
                sock_connect=config.connect,
                sock_read=config.first_byte,
                ceil_threshold=NEVER_ROUND_SECONDS,
            ),
        )
        # aiohttp repeats GET, PUT and DELETE once after a lost connection, also one that was never idle, so the
        # upstream could run them twice. There is no public switch; `test_client_never_retries` guards this one.
        session._retry_connection = False  # noqa: SLF001
        return session

    async def send(self, request: Outgoing, origin: str, *, anew: bool = False) -> "Answer":
        """Send `request` to `origin`, scheme and address, and return its answer as soon as the head is there.

        That can be while the body is still going. `anew` takes a connection of its own. The caller closes the answer.
        Raises `UpstreamFailure`.
        """
        session = self._single if anew else self._kept
        assert session is not None, "enter the client before use"
        request.host, request.transport, request.is_sent = self._host, None, False
        _current.set(request)
        try:
            response = await session.request(
                request.method,
                URL(origin + request.target, encoded=True),
                data=request.body,
                allow_redirects=False,
                server_hostname=self._tls_name,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            request.abort()
            raise _failure(error, request) from error
        except asyncio.CancelledError:
            request.abort()
            raise
        return Answer(request, response, request.idle_seconds or self._config.idle)


def _failure(error: Exception, request: Outgoing) -> UpstreamFailure:
    """Sort aiohttp's exceptions. Unknown ones count as sent once it was begun: only that is safe to assume."""
    is_timeout = isinstance(error, TimeoutError)
    if not request.is_sent:
        return NotSent(is_timeout=is_timeout, is_stale=isinstance(error, aiohttp.ServerDisconnectedError))
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)):
        return AnswerBroken()
    # With a part of the answer's head, aiohttp gives that in place of a text.
    has_begun = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)
    return SentNoAnswer(is_timeout=is_timeout, is_stale=request.is_reusing and not is_timeout and not has_begun)
