"""How a process hears of revocations: it reads the stream that the auth-service writes, from before its own start.

A stream, because pub/sub loses what is sent while a subscriber reconnects. A Redis that has lost its memory is filled
again by the auth-service's relay; what comes twice changes nothing.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from shared.lifespan import kept_running, pause
from shared.streams import Entry, Follower, Place, follow
from shared.tokens.revocations import Revocation, Revocations
from shared.tokens.strict import parse_object

__all__ = ["STREAM", "followed"]

STREAM = "auth:revocations"
# An own token lives 900 seconds at most; the rest is for clocks that differ.
WINDOW_SECONDS = 960.0
SWEEP_EVERY_SECONDS = 60.0
CATCH_UP_SECONDS = 1.0


@asynccontextmanager
async def followed(
    redis_url: str, revocations: Revocations, key_ended: Callable[[], object]
) -> AsyncIterator[Revocations]:
    """Give `revocations`, told of all that the stream on this Redis says; `key_ended` is called when a key ends.

    Returns when what ended before is known, or after a second without an answer: a Redis that is away keeps nobody
    from starting.
    """
    feed, stop = _Feed(redis_url, revocations, key_ended), asyncio.Event()
    revocations.expect_feed()
    following = asyncio.create_task(kept_running("revocations", feed.run, stop), name="revocations")
    try:
        await pause(feed.level, CATCH_UP_SECONDS)
        yield revocations
    finally:
        stop.set()
        await following


class _Feed:
    """Reads on from where it has come to, also after a fault."""

    def __init__(self, redis_url: str, revocations: Revocations, key_ended: Callable[[], object]) -> None:
        self.level = asyncio.Event()
        self._redis_url = redis_url
        self._revocations = revocations
        self._key_ended = key_ended
        self._after = f"{int((time.time() - WINDOW_SECONDS) * 1000)}-0"
        self._sweep_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the stream until `stop`."""
        place = Place(STREAM, self._after)
        follower = Follower(self._take, self._complete)
        await follow(self._redis_url, place, follower, stop=stop, beat=self._sweep_if_due)

    async def _take(self, entry_id: str, entry: Entry) -> None:
        self._after = entry_id
        try:
            ended = _read(entry, time.time())
        # What the sender will say one day, or somebody else said in its place, must not end the reading.
        except (ValueError, RecursionError) as error:
            structlog.get_logger().error("revocation_unreadable", entry=entry_id, error=str(error))
            return
        self._revocations.add(ended)
        if ended.kind == "kid":
            self._key_ended()

    def _complete(self) -> None:
        self._revocations.completed()
        self.level.set()

    def _sweep_if_due(self) -> None:
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + SWEEP_EVERY_SECONDS
            self._revocations.sweep(time.time())


def _read(entry: Entry, now: float) -> Revocation:
    """Return what an entry says: its `payload` is `{kind, id, exp}`, and `ver` of a user. Raises ValueError."""
    said = parse_object(entry.get("payload", "").encode())
    kind, subject, exp, ver = (said.get(name) for name in ("kind", "id", "exp", "ver"))
    if not isinstance(subject, str) or not subject:
        raise ValueError("no id")
    if isinstance(exp, bool) or not isinstance(exp, int | float):
        raise ValueError("no exp")
    # What lives longer than any token could only fill the memory.
    until = min(exp, now + WINDOW_SECONDS)
    match kind:
        case "sid" | "kid":
            return Revocation(kind, subject, until)
        case "user" if isinstance(ver, int) and not isinstance(ver, bool):
            return Revocation("user", subject, until, ver)
    raise ValueError("neither a session, nor a version of a user, nor a key")
