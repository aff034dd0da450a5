"""How many writes of one user a process works on at once: few, so that nobody takes all connections of the pool."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias
from weakref import WeakValueDictionary

from shared.problems import Busy

__all__ = ["Announce", "Quota", "Writers"]

WRITES_AT_ONCE = 4
WAIT_SECONDS = 2.0

Announce: TypeAlias = Callable[[str, int | None], Awaitable[None]]
"""Awaited when a write of a user has ended, with the number of its latest change if it made one. Never raises."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much one user may have."""

    max_todos: int = 50_000
    """Outside the trash."""
    max_rows: int = 100_000
    """With the trash."""


class Writers:
    """What all writes of a process share. `Turn` takes a place here before it takes a connection."""

    def __init__(self, announce: Announce, quota: Quota) -> None:
        self.announce = announce
        self.quota = quota
        # Whoever holds or awaits a place holds the semaphore: when nobody does, it is forgotten.
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def enter(self, user_id: str) -> asyncio.Semaphore:
        """Return what to release when the write has ended; raises `Busy` after two seconds."""
        places = self._places.get(user_id)
        if places is None:
            places = self._places[user_id] = asyncio.Semaphore(WRITES_AT_ONCE)
        if not places.locked():
            await places.acquire()
            return places
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await places.acquire()
        except TimeoutError:
            raise Busy from None
        return places
