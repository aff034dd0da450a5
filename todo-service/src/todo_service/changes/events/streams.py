"""One open stream: what its client is told, and why it ends."""

import asyncio
import time
from collections.abc import AsyncIterator
from random import SystemRandom

from fastapi.sse import ServerSentEvent

from shared.tokens import Principal

__all__ = ["Stream"]

RECONNECT_MILLISECONDS = (1000, 5000)
"""How long a client waits that is sent away at a shutdown: at random, so that they do not come back all at once."""


class Stream:
    """The events of one client. Of changes that it was too slow for, it is told the newest."""

    def __init__(self, user: Principal, seen: int | None) -> None:
        """`seen` is the change of which the client knows already."""
        self.user = user
        self._seen = seen
        self._newest: int | None = None
        self._is_revoked = False
        self._is_closing = False
        self._news = asyncio.Event()

    def offer(self, seq: int) -> None:
        """Take the number of a change; one that is older than another is nothing new."""
        if self._newest is None or seq > self._newest:
            self._newest = seq
            self._news.set()

    def revoke(self) -> None:
        """End it, because its user may hear nothing more by the token that opened it."""
        self._is_revoked = True
        self._news.set()

    def close(self) -> None:
        """End it, because the process does."""
        self._is_closing = True
        self._news.set()

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        """Give each change that is new to the client, and a last event that says what to do."""
        while not (self._is_revoked or self._is_closing) and (left := self.user.expires_at - time.time()) > 0:
            self._news.clear()
            if self._newest is not None and self._newest != self._seen:
                self._seen = self._newest
                yield ServerSentEvent(id=str(self._seen), event="change", raw_data=f'{{"seq":{self._seen}}}')
                continue
            await self._wait(left)
        if self._is_closing:
            yield ServerSentEvent(retry=SystemRandom().randint(*RECONNECT_MILLISECONDS))
            return
        # A browser drops an event without data.
        yield ServerSentEvent(event="reauth", raw_data="{}")

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(None if seconds == float("inf") else seconds):
                await self._news.wait()
        except TimeoutError:
            return
