"""Ends a request's work at once when there is a reason to: its client has gone, or its time is over."""

import asyncio
from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import Self, TypeAlias

from gateway.problems import UpstreamTimeout

__all__ = ["ClientGone", "Deadline", "TellWhenGone", "Watch"]

TellWhenGone: TypeAlias = "Callable[[Callable[[], None] | None], None]"
"""Takes whom to call when the client goes, or None for nobody."""


class ClientGone(Exception):
    """The client closed its connection before it had the whole answer."""


class Deadline:
    """The same number of `seconds` for everybody: who began first is due first, so one timer serves all of them."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._due: dict[Watch, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    @cached_property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of all of them. CPython before 3.12 asks the system for each look-up of the running one."""
        return asyncio.get_running_loop()

    def begin(self, watch: "Watch") -> float:
        """Stop `watch` with `UpstreamTimeout` unless `end` comes before; return when, by the loop's clock."""
        due = self._due[watch] = self.loop.time() + self.seconds
        if self._timer is None:
            self._timer = self.loop.call_at(due, self._look)
        return due

    def end(self, watch: "Watch") -> None:
        """Let `watch` be."""
        self._due.pop(watch, None)

    def _look(self) -> None:
        self._timer = None
        while self._due:
            watch, due = next(iter(self._due.items()))
            if due > self.loop.time():
                self._timer = self.loop.call_at(due, self._look)
                return
            del self._due[watch]
            watch.stop(UpstreamTimeout())


class Watch:
    """While entered, `stop` ends the current task's work: the block then raises the reason that was given.

    Inside, `look_out` starts to look for the client's leaving, and the upstream then has until `deadline` for its
    answer's head. Without a reason a cancellation stays what it is.
    """

    __slots__ = ("_deadline", "_due", "_is_answered", "_reason", "_task", "_tell_when_gone")

    def __init__(self, tell_when_gone: TellWhenGone, deadline: Deadline) -> None:
        self._tell_when_gone = tell_when_gone
        self._deadline = deadline
        self._due: float | None = None
        self._is_answered = False
        self._task = asyncio.current_task(deadline.loop)
        self._reason: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.answered()
        self._tell_when_gone(None)
        task, self._task = self._task, None
        if self._reason is not None and task is not None and kind is not None:
            task.uncancel()
            raise self._reason from error

    def look_out(self) -> None:
        """Look for the client's leaving from now on; its body must have been read."""
        if not self._is_answered:
            self._due = self._deadline.begin(self)
        self._tell_when_gone(self._gone)

    @property
    def seconds_left(self) -> float:
        """How long the upstream has for its answer's head; all the time as long as the body is not read."""
        return self._deadline.seconds if self._due is None else self._due - self._deadline.loop.time()

    @property
    def is_overdue(self) -> bool:
        """Whether the upstream took too long: it is its fault that the work ended."""
        return isinstance(self._reason, UpstreamTimeout)

    def answered(self) -> None:
        """Let the deadline be: the head is there."""
        self._is_answered = True
        self._deadline.end(self)

    def stalled(self) -> None:
        """End the block, as the upstream takes no more of the body, unless the head is there: then it need not."""
        if not self._is_answered:
            self.stop(UpstreamTimeout())

    def stop(self, reason: Exception) -> None:
        """End the block with `reason`; the first one counts."""
        if self._reason is None and self._task is not None:
            self._reason = reason
            self._task.cancel()

    def _gone(self) -> None:
        self.stop(ClientGone())
