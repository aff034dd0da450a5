"""Answers that would go on for ever: at a stop they end whole, and tell their clients when to come again."""

from random import SystemRandom

from gateway.heads.headers import Pairs
from gateway.watch import Watch

__all__ = ["Events", "StreamEnds", "Streams"]

COME_AGAIN_MILLISECONDS = (1000, 5000)
# Lines end with a line feed, a carriage return, or both; an event ends with an empty one.
EVENT_ENDS = (b"\n\n", b"\n\r\n", b"\r\r")

_DICE = SystemRandom()


class StreamEnds(Exception):
    """The gateway stops, and with it the answers that would go on for ever."""


class Streams:
    """Those that are under way, by what watches over each of them."""

    def __init__(self) -> None:
        self._watches: set[Watch] = set()
        self._is_closing = False

    def add(self, watch: Watch) -> None:
        """Know of one until `discard`. One that begins after `end` ends at once."""
        self._watches.add(watch)
        if self._is_closing:
            watch.stop(StreamEnds())

    def discard(self, watch: Watch) -> None:
        """Forget it."""
        self._watches.discard(watch)

    def end(self) -> None:
        """End those that are under way, and those that still begin, with `StreamEnds`."""
        self._is_closing = True
        for watch in self._watches:
            watch.stop(StreamEnds())


class Events:
    """What has left of an answer of events, as far as it says whether the latest event is whole."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = EVENT_ENDS[0]

    @staticmethod
    def of(status: int, head: Pairs) -> "Events | None":
        """Return it for an answer to which lines can be added; None for any other."""
        fields = dict(head)
        is_events = fields.get(b"content-type", b"").startswith(b"text/event-stream")
        is_open = b"content-length" not in fields and b"content-encoding" not in fields
        return Events() if status == 200 and is_events and is_open else None

    def sent(self, chunk: bytes) -> None:
        """Note what has left."""
        self._tail = (self._tail + chunk[-3:])[-3:]

    def last_words(self) -> bytes:
        """Return when to come again, for each client at another time; nothing in the middle of an event."""
        if not self._tail.endswith(EVENT_ENDS):
            return b""
        return b"retry: %d\n\n" % _DICE.randint(*COME_AGAIN_MILLISECONDS)
