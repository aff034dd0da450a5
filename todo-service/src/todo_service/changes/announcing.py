"""What the other processes hear when a write has ended."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.redis import RedisClient
from todo_service.changes.events.channels import announce

__all__ = ["Announcer"]


class Announcer:
    """Tells the cache that a write has ended, and whoever listens that something changed. Its faults cost time only."""

    def __init__(self, redis: RedisClient, clear: Callable[[str], Awaitable[None]]) -> None:
        """`clear` forgets the cached pages of a user, and never raises."""
        self._redis = redis
        self._clear = clear

    async def write_ended(self, user_id: str, seq: int | None) -> None:
        """Forget the user's pages and, when `seq` was committed, publish it: one round trip, before the answer."""
        if seq is None:
            await self._clear(user_id)
        else:
            await asyncio.gather(self._clear(user_id), announce(self._redis, user_id, seq))
