"""Makes answers of the bytes that come over one connection. What cannot be read as one clear answer is none."""

from collections.abc import Callable

import httptools

from gateway.transport.answer import Answer
from gateway.transport.failures import AnswerBroken

__all__ = ["Reader"]

# What may come without anything being made of it: of a head, interim answers, a chunk's extension, trailers.
MAX_UNREAD_BYTES = 65536
MAX_FIELD_BYTES = 16384
SWITCHING_PROTOCOLS = 101
VERSIONS = frozenset({"1.0", "1.1"})


class Reader:
    """Fills one answer after the other; `finished` hears of each whether the connection can carry another."""

    def __init__(self, finished: Callable[[Answer, bool], None]) -> None:
        self.unread_bytes = 0
        """What has come since anything was made of it."""
        self._finished = finished
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Answer | None = None

    def expect(self, answer: Answer) -> None:
        """Fill `answer` with what comes from now on."""
        self._answer = answer
        self.unread_bytes = 0

    def feed(self, data: bytes) -> None:
        """Read a piece. Raises `AnswerBroken`, and must not be fed again then."""
        self.unread_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            raise AnswerBroken from None
        if self._answer is not None and self.unread_bytes > MAX_UNREAD_BYTES:
            raise AnswerBroken

    # The parser calls these, and `feed` hears of what they raise.

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
        self.unread_bytes = 0
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
        self.unread_bytes = 0
        self._answer.add(body)

    def on_message_complete(self) -> None:
        """Take the answer as whole, unless it is an interim one."""
        if self._answer is not None and self._answer.has_head:
            self._finish(self._answer, keeps=self._parser.should_keep_alive())

    def _finish(self, answer: Answer, *, keeps: bool) -> None:
        self._answer = None
        self._finished(answer, keeps)
