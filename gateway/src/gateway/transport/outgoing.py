"""A request on its way to an upstream."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Outgoing", "Pieces"]

Pieces: TypeAlias = AsyncGenerator[bytes, None]
"""A body as it comes; whoever leaves it in the middle closes it."""

# A request without a body says so only where one would be expected (RFC 9110 section 8.6).
METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Outgoing:
    """A request as the upstream gets it. A streamed `body` without a content-length among `fields` goes in chunks.

    `idle_seconds` is how long the upstream may pause within its answer, if not as long as it may elsewhere. An
    `is_stream` has an answer that goes on for ever; `has_key` says that the upstream knows a repeated one by its key.
    """

    method: str
    target: str
    fields: "list[tuple[str, str]]"
    body: bytes | Pieces | None
    idle_seconds: float | None = None
    is_stream: bool = False
    has_key: bool = False

    attempts: int = 0
    attempt_fields: "list[tuple[str, str]]" = field(default_factory=list)
    """What only the latest attempt says, after `fields`."""
    endpoint: str | None = None
    """Where the latest attempt went."""

    @property
    def is_held(self) -> bool:
        """Whether the whole of it is here, so that it can be sent again."""
        return self.body is None or isinstance(self.body, bytes)

    @property
    def is_chunked(self) -> bool:
        """Whether the length of the body is not known before its end."""
        return not self.is_held and not self._tells_length

    def head(self, host: str) -> bytes:
        """Return request line and fields as they go on the wire, for the service that is called `host`."""
        lines = [f"{self.method} {self.target} HTTP/1.1\r\nHost: {host}\r\n"]
        lines += [f"{name}: {value}\r\n" for name, value in self.fields]
        lines += [f"{name}: {value}\r\n" for name, value in self.attempt_fields]
        lines.append(f"{self._framing()}\r\n")
        # Values were UTF-8 when they came, so these are the same bytes.
        return "".join(lines).encode()

    def _framing(self) -> str:
        """What says how long the body is, where the client's own fields do not."""
        if (self.body is None and self.method in METHODS_WITHOUT_BODY) or self._tells_length:
            return ""
        if isinstance(self.body, bytes) or self.body is None:
            return f"Content-Length: {len(self.body or b'')}\r\n"
        return "Transfer-Encoding: chunked\r\n"

    @property
    def _tells_length(self) -> bool:
        return any(name == "content-length" for name, _ in self.fields)
