"""A request on its way to an upstream."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

__all__ = ["Outgoing"]


@dataclass(slots=True)
class Outgoing:
    """A request as the upstream gets it. A streamed `body` without a content-length among `fields` goes in chunks.

    `idle_seconds` is how long the upstream may pause within its answer, if not as long as it may elsewhere. An
    `is_stream` has an answer that goes on for ever; `has_key` says that the upstream knows a repeated one by its key.
    """

    method: str
    target: str
    fields: "list[tuple[str, str]]"
    body: bytes | AsyncIterator[bytes] | None
    idle_seconds: float | None = None
    is_stream: bool = False
    has_key: bool = False

    host: str = ""
    """The name that the upstream is asked by."""
    transport: asyncio.Transport | None = None
    is_sent: bool = False
    """Whether the latest attempt got so far that a part of it may have arrived."""
    is_reusing: bool = False
    """Whether the latest attempt went over a connection that had served before."""
    attempts: int = 0
    attempt_fields: "list[tuple[str, str]]" = field(default_factory=list)
    """What only the latest attempt says, after `fields`."""
    endpoint: str | None = None
    """Where the latest attempt went."""

    @property
    def is_held(self) -> bool:
        """Whether the whole of it is here, so that it can be sent again."""
        return self.body is None or isinstance(self.body, bytes)

    def abort(self) -> None:
        """End the connection that this request was sent on, if there is one.

        Closing it politely would wait until the upstream has taken what it is no longer meant to get.
        """
        if self.transport is not None:
            self.transport.abort()
