"""How long something is waited for, again and again, at the cost of a number."""

import asyncio
from collections.abc import Callable

__all__ = ["Patience"]


class Patience:
    """Calls `give_up` when what is waited for has not come in time.

    Setting a timer costs more than all else that a wait needs, and almost every wait ends well. So there is one timer,
    which looks when it fires whether the time has been moved meanwhile, and is set anew then.
    """

    __slots__ = ("_due", "_give_up", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, give_up: Callable[[], None]) -> None:
        self._loop = loop
        self._give_up = give_up
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        """Wait from now on, in place of any wait before, for so many seconds."""
        self._due = due = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > due:
            self.close()
            self._due, self._timer = due, self._loop.call_at(due, self._look)

    def end(self) -> None:
        """Wait no more, for now."""
        self._due = None

    def close(self) -> None:
        """Wait never again, unless something begins."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._due = None
            self._give_up()
