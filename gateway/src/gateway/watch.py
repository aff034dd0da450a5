"""Ends a request's work at once when there is a reason to: above all when its client has gone."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive

__all__ = ["ClientGone", "Watch"]

# A task for each request would cost as much as routing and filtering it; most requests are answered before this.
LOOK_AFTER_SECONDS = 0.05


class ClientGone(Exception):
    """The client closed its connection before it had the whole answer."""


class Watch:
    """While entered, `stop` ends the current task's work: the block then raises the reason that was given.

    Inside, `look_out` starts to look for the client's leaving. Without a reason a cancellation stays what it is.
    """

    __slots__ = ("_looking", "_reason", "_task", "_timer")

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._reason: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._looking is not None:
            self._looking.cancel()
        if self._reason is not None and self._task is not None and kind is not None:
            self._task.uncancel()
            raise self._reason from error

    def look_out(self, receive: Receive) -> None:
        """Look for the client's leaving from now on; its body must have been read, so that nobody else receives."""
        self._timer = asyncio.get_running_loop().call_later(LOOK_AFTER_SECONDS, self._start, receive)

    def stop(self, reason: Exception) -> None:
        """End the block with `reason`; the first one counts."""
        if self._reason is None and self._task is not None:
            self._reason = reason
            self._task.cancel()

    def _start(self, receive: Receive) -> None:
        self._looking = asyncio.create_task(self._look(receive))

    async def _look(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.stop(ClientGone())
