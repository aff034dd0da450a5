"""One connection to an upstream: a request goes out, its answer comes in, and then perhaps the next one.

Any byte that nobody asked for ends it: it must never pass for the answer to the next request.
"""

import asyncio
from typing import Protocol

from gateway.patience import Patience
from gateway.transport.answer import Answer
from gateway.transport.failures import AnswerBroken, SentNoAnswer, UpstreamFailure
from gateway.transport.outgoing import Pieces
from gateway.transport.reader import Reader
from gateway.transport.upload import Upload

__all__ = ["Link", "Owner"]


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
        self.loop = loop
        self.has_served = False
        """Whether it has carried an answer before: if it ends now without one, that may be for its age."""
        self._owner = owner
        self._transport: asyncio.Transport
        self._upload: Upload
        self._reader = Reader(self._finish)
        self._answer: Answer | None = None
        self._patience = Patience(loop, self._give_up)

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent on it."""
        return not self._transport.is_closing()

    def send(self, head: bytes, body: bytes | Pieces | None, answer: Answer, *, chunked: bool) -> None:
        """Send a request, an iterated body piece by piece, `chunked` or not; `answer` hears what becomes of it."""
        self._answer = answer
        self._reader.expect(answer)
        if body is None or isinstance(body, bytes):
            self._transport.write(head + body if body else head)
            self._sent()
        else:
            self._transport.write(head)
            self._patience.end()
            self._upload.begin(body, chunked=chunked, sent=self._sent)

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
        self._upload = Upload(self.loop, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Say what that means for the answer."""
        self._patience.close()
        self._upload.cancel()
        self._owner.forget(self)
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if not answer.has_head:
            answer.fail(SentNoAnswer(is_stale=self.has_served and not self._reader.unread_bytes))
        elif exc is None and answer.ends_with_its_connection:
            answer.end()
        else:
            answer.fail(AnswerBroken())

    def pause_writing(self) -> None:
        """Let the body wait."""
        self._upload.pause()

    def resume_writing(self) -> None:
        """Let it go on."""
        self._upload.resume()

    def data_received(self, data: bytes) -> None:
        """Read a piece of the answer."""
        if self._answer is None:
            self._transport.abort()
            return
        try:
            self._reader.feed(data)
        except AnswerBroken as failure:
            self._fail(failure)
        else:
            self._await_more()

    # What follows from that.

    def _sent(self) -> None:
        """Wait for the answer's head from now on: until all of the request is there, nobody can be late with it."""
        if self._answer is not None and not self._answer.has_head:
            self._patience.begin(self._owner.first_byte_seconds)

    def _await_more(self) -> None:
        if self._answer is not None and self._answer.has_head and not self._answer.is_paused:
            self._patience.begin(self._answer.idle_seconds)

    def _finish(self, answer: Answer, keeps: bool) -> None:
        self._answer = None
        self._patience.end()
        self.has_served = True
        if answer.is_paused:
            self._transport.resume_reading()
        answer.end()
        # An upload that still runs has met an early answer: what is left of it is for nobody.
        if keeps and self._upload.is_over:
            self._patience.begin(self._owner.keepalive_seconds)
            self._owner.keep(self)
        else:
            self._transport.abort()

    def _fail(self, failure: UpstreamFailure) -> None:
        answer, self._answer = self._answer, None
        self._transport.abort()
        if answer is not None:
            answer.fail(failure)

    def _give_up(self) -> None:
        if self._answer is None or not self._answer.has_head:
            self._fail(SentNoAnswer(is_timeout=True))
        else:
            self._fail(AnswerBroken(is_timeout=True))
