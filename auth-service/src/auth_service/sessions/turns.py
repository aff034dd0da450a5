"""One refresh at a time for each token, within this process.

The session's row lock decides; this keeps fifty tabs from waiting for it on fifty database connections.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

__all__ = ["Turns"]


class Turns:
    """Queues, one for each key for as long as somebody stands in it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, key: bytes) -> AsyncIterator[None]:
        """Wait until nobody else has the turn of `key`, and have it during the block."""
        lock = self._locks.get(key) or self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield
