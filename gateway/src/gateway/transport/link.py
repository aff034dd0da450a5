"""One connection to an upstream: a request goes out, its answer comes in, and then perhaps the next one.

The parser is strict. What it cannot read as one clear answer ends the connection, and so does any byte that nobody
asked for: it must never pass for the answer to the next request.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import httptools

from gateway.patience import Patience
from gateway.transport.answer import Answer
from gateway.transport.failures import AnswerBroken, SentNoAnswer, UpstreamFailure

__all__ = ["Link", "Owner"]

# What may come without anything being made of it: of a head, interim answers, a chunk's extension, trailers.
MAX_UNREAD_BYTES = 65536
MAX_FIELD_BYTES = 16384
SWITCHING_PROTOCOLS = 101
VERSIONS = frozenset({"1.0", "1.1"})


class Owner(Protocol):
    """Keeps connections from one request to the next."""

    first_byte_seconds: float
    """How long an answer may take to begin."""
    keepalive_seconds: float
    """How long a connection may be idle."""

    def keep(self, link: "Link") -> None:
        """Take a connection whose answer is whole."""

    def forget(self, link: "Link") -> None:
        """Hear that a connection has ended."""


class Link(asyncio.Protocol):
    """A connection of `owner`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
        self.has_served = False
        """Whether it has carried an answer before: if it ends now without one, that may be for its age."""
        self.loop = loop
        self._owner = owner
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None
        self._upload: asyncio.Task[None] | None = None
        self._is_writable = asyncio.Event()
        self._unread_bytes = 0
        self._patience = Patience(loop, self._give_up)

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent on it."""
        return not self._transport.is_closing()

    def send(self, head: bytes, body: bytes | AsyncIterator[bytes] | None, answer: Answer, *, chunked: bool) -> None:
        """Send a request, an iterated body piece by piece, `chunked` or not; `answer` hears what becomes of it."""
        self._answer = answer
        self._unread_bytes = 0
        if body is None or isinstance(body, bytes):
            self._transport.write(head + body if body else head)
            self._patience.begin(self._owner.first_byte_seconds)
        else:
            self._transport.write(head)
            self._patience.end()
            self._upload = self.loop.create_task(self._send_body(body, chunked=chunked))

    def pause(self) -> None:
        """Read nothing for a while; meanwhile the upstream cannot be late."""
        self._transport.pause_reading()
        self._patience.end()

    def resume(self) -> None:
        """Read on."""
        if self._answer is not None:
            self._transport.resume_reading()
            self._patience.begin(self._answer.idle_seconds)

    def abort(self) -> None:
        """End at once: closing politely would wait until the upstream has taken what it is no longer meant to get."""
        self._answer = None
        self._transport.abort()

    # The event loop calls these.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # always one for TCP
        """Begin."""
        self._transport = transport
        self._is_writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say what that means for the answer."""
        self._patience.close()
        if self._upload is not None:
            self._upload.cancel()
        self._owner.forget(self)
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if not answer.has_head:
            answer.fail(SentNoAnswer(is_stale=self.has_served and not self._unread_bytes))
        elif exc is None and answer.ends_with_its_connection:
            answer.end()
        else:
            answer.fail(AnswerBroken())

    def pause_writing(self) -> None:
        """Let the body wait."""
        self._is_writable.clear()

    def resume_writing(self) -> None:
        """Let it go on."""
        self._is_writable.set()

    def data_received(self, data: bytes) -> None:
        """Read a piece of the answer."""
        if self._answer is None:
            self._transport.abort()
            return
        self._unread_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(AnswerBroken())
        else:
            self._judge()

    # The parser calls these. What they raise ends the connection.

    def on_message_begin(self) -> None:
        """Expect a head, perhaps after an interim one."""
        if self._answer is None or self._answer.has_head:
            raise AnswerBroken
        self._answer.fields = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field. Trailers come here too, and nobody gets to see them."""
        if len(name) + len(value) > MAX_FIELD_BYTES:
            raise AnswerBroken
        if self._answer is not None and not self._answer.has_head:
            self._answer.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the head, unless it is an interim one."""
        answer, status = self._answer, self._parser.get_status_code()
        if answer is None or self._parser.get_http_version() not in VERSIONS:
            raise AnswerBroken
        if status < 200:
            if status < 100 or status == SWITCHING_PROTOCOLS:
                raise AnswerBroken
            return
        self._unread_bytes = 0
        answer.begin(status)
        if answer.is_bodyless:
            # A body that must not be announced may follow all the same, and pass for the answer to the next request.
            keeps = self._parser.should_keep_alive() and not answer.announces_too_much
            # The parser knows nothing of the request, and would wait for the body that a GET would have had.
            self._parser = httptools.HttpResponseParser(self)
            self._finish(answer, keeps=keeps)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._answer is None:
            raise AnswerBroken
        self._unread_bytes = 0
        self._answer.add(body)

    def on_message_complete(self) -> None:
        """Take the answer as whole, unless it is an interim one."""
        if self._answer is not None and self._answer.has_head:
            self._finish(self._answer, keeps=self._parser.should_keep_alive())

    # What follows from that.

    def _judge(self) -> None:
        answer = self._answer
        if answer is None:
            return
        if self._unread_bytes > MAX_UNREAD_BYTES:
            self._fail(AnswerBroken())
        elif answer.has_head and not answer.is_paused:
            self._patience.begin(answer.idle_seconds)

    def _finish(self, answer: Answer, *, keeps: bool) -> None:
        self._answer = None
        self._patience.end()
        self.has_served = True
        if answer.is_paused:
            self._transport.resume_reading()
        answer.end()
        # An upload that still runs has met an early answer: what is left of it is for nobody.
        if keeps and (self._upload is None or self._upload.done()):
            self._upload = None
            self._patience.begin(self._owner.keepalive_seconds)
            self._owner.keep(self)
        else:
            self._transport.abort()

    def _fail(self, failure: UpstreamFailure) -> None:
        answer, self._answer = self._answer, None
        self._transport.abort()
        if answer is not None:
            answer.fail(failure)

    async def _send_body(self, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        try:
            async for piece in body:
                self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await self._is_writable.wait()
        except Exception:  # noqa: BLE001  # who gives it has told whom it concerns; here it must not look whole
            self._transport.abort()
            return
        if chunked:
            self._transport.write(b"0\r\n\r\n")
        if self._answer is not None and not self._answer.has_head:
            self._patience.begin(self._owner.first_byte_seconds)

    def _give_up(self) -> None:
        if self._answer is None or not self._answer.has_head:
            self._fail(SentNoAnswer(is_timeout=True))
        else:
            self._fail(AnswerBroken(is_timeout=True))
