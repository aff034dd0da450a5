"""How many requests are at work at once, and which of those that wait comes next.

The newest: when work comes in faster than it is done, the oldest would be answered just after its client has given up.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway.problems import Overloaded

__all__ = ["Cap", "Queue"]

Slot = TypeVar("Slot")


class Cap:
    """A bound on how many requests are under way at once; a context manager that each of them enters.

    `headers` are further fields of the refusal of one too many.
    """

    __slots__ = ("_headers", "_limit", "taken")

    def __init__(self, limit: int, **headers: str) -> None:
        self._limit = limit
        self._headers = headers
        self.taken = 0
        """How many are inside."""

    def check(self) -> None:
        """Raise `Overloaded` when there is no room."""
        if self.taken >= self._limit:
            raise Overloaded(**self._headers)

    def __enter__(self) -> None:
        self.check()
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1


class Queue(Generic[Slot]):
    """Those that wait for a slot: at most `size` of them, each for `wait_seconds`."""

    def __init__(self, size: int, wait_seconds: float) -> None:
        self._size = size
        self._wait_seconds = wait_seconds
        self._waiting: deque[asyncio.Future[Slot]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    async def slot(self, give_back: Callable[[Slot], None]) -> Slot:
        """Wait for a slot and return it, or raise `Overloaded`; one that comes too late goes to `give_back`."""
        place = self.join()
        try:
            async with asyncio.timeout(self._wait_seconds):
                return await place
        except TimeoutError:
            late = self.leave(place)
            if late is None:
                raise Overloaded from None
            return late
        except asyncio.CancelledError:
            late = self.leave(place)
            if late is not None:
                give_back(late)
            raise

    def join(self) -> "asyncio.Future[Slot]":
        """Wait from now on. Where too many would, the oldest has to go; raises `Overloaded` where nobody may."""
        if not self._size:
            raise Overloaded
        if len(self._waiting) >= self._size:
            _refuse(self._waiting.popleft())
        place: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        return place

    def hand_over(self, slot: Slot) -> bool:
        """Give `slot` to who came last; return whether anybody took it."""
        while self._waiting:
            place = self._waiting.pop()
            # One that was cancelled is about to leave.
            if not place.done():
                place.set_result(slot)
                return True
        return False

    def leave(self, place: "asyncio.Future[Slot]") -> Slot | None:
        """Wait no more; return the slot that was given meanwhile, if one was."""
        if place in self._waiting:
            self._waiting.remove(place)
        if not place.done() or place.cancelled() or place.exception() is not None:
            return None
        return place.result()


def _refuse(place: "asyncio.Future[Slot]") -> None:
    if not place.done():
        place.set_exception(Overloaded())
