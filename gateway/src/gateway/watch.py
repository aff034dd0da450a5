"""Ends a request's work at once when there is a reason to: its client has gone, or its time is over."""

import asyncio
import math
from types import TracebackType
from typing import Self

from starlette.types import Receive

from gateway.problems import UpstreamTimeout

__all__ = ["ClientGone", "Watch"]

# A task for each request would cost as much as routing and filtering it; most requests are answered before this.
LOOK_AFTER_SECONDS = 0.05


class ClientGone(Exception):
    """The client closed its connection before it had the whole answer."""


class Watch:
    """While entered, `stop` ends the current task's work: the block then raises the reason that was given.

    Inside, `look_out` starts to look for the client's leaving, and the upstream then has `deadline_seconds` until
    `answered`. Without a reason a cancellation stays what it is.
    """

    __slots__ = ("_deadline", "_ends_at", "_is_answered", "_looking", "_loop", "_reason", "_seconds", "_task", "_timer")

    def __init__(self, deadline_seconds: float = math.inf) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = deadline_seconds
        self._ends_at: float | None = None
        self._is_answered = False
        self._deadline: asyncio.TimerHandle | None = None
        self._task = asyncio.current_task()
        self._reason: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.answered()
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        if self._reason is not None and self._task is not None and kind is not None:
            self._task.uncancel()
            raise self._reason from error

    def look_out(self, receive: Receive) -> None:
        """Look for the client's leaving from now on; its body must have been read, so that nobody else receives."""
        now = self._loop.time()
        self._ends_at = now + self._seconds
        self._timer = self._loop.call_at(now + min(LOOK_AFTER_SECONDS, self._seconds), self._start, receive)

    @property
    def seconds_left(self) -> float:
        """How long the upstream has for its answer's head; all the time as long as the body is not read."""
        return self._seconds if self._ends_at is None else self._ends_at - self._loop.time()

    @property
    def is_overdue(self) -> bool:
        """Whether the upstream took too long: it is its fault that the work ended."""
        return isinstance(self._reason, UpstreamTimeout)

    def answered(self) -> None:
        """Let the deadline be: the head is there."""
        self._is_answered = True
        if self._deadline is not None:
            self._deadline.cancel()

    def stop(self, reason: Exception) -> None:
        """End the block with `reason`; the first one counts."""
        if self._reason is None and self._task is not None:
            self._reason = reason
            self._task.cancel()

    def _start(self, receive: Receive) -> None:
        self._looking = self._loop.create_task(self._look(receive))
        if self._ends_at is not None and self._ends_at < math.inf and not self._is_answered:
            self._deadline = self._loop.call_at(self._ends_at, self.stop, UpstreamTimeout())

    async def _look(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.stop(ClientGone())
