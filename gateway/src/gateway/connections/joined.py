"""Answers whose body is there at once leave in one piece: each write is a call of the system, and wakes the client."""

import asyncio

__all__ = ["JoinedHead"]


class JoinedHead(asyncio.Transport):
    """The transport of one answer: its first write, the head, waits for the second one, or for the loop's next turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._is_first = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`, or keep it for a moment if it is the head."""
        if self._is_first:
            self._is_first, self._head = False, bytes(data)
            self._loop.call_soon(self._flush)
        elif self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head + data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once everything has left."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is being closed."""
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)
