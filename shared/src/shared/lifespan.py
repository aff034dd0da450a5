"""The life of a process: workers that run until told to stop, and services that hear of it."""

import asyncio
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeAlias, TypeVar

import structlog

from shared.memory import give_back
from shared.problems import Unavailable

__all__ = ["Loop", "end", "hears_stop", "kept_running", "pause", "repeat", "run_until_stopped"]

RESTART_AFTER_SECONDS = 1.0
SAY_AGAIN_AFTER_SECONDS = 60.0
BEAT_EVERY_SECONDS = 20.0
CANCEL_AGAIN_SECONDS = 0.05
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
COLLECT_AFTER_OBJECTS = 10_000

Ended = TypeVar("Ended")

Loop: TypeAlias = Callable[[asyncio.Event], Awaitable[None]]
"""A worker's loop: runs until the event is set, then finishes what it has in hand and returns."""


@contextmanager
def hears_stop(stopping: Callable[[], None]) -> Iterator[None]:
    """While entered, call `stopping` on the event loop at SIGTERM or SIGINT, beside what the server does then.

    A server waits for its open answers before it closes the lifespan, so an answer that never ends by itself must hear
    of the signal. Enter it within the lifespan: only then has uvicorn set its own handler. Signals that nobody handles
    stay unhandled.
    """
    loop = asyncio.get_running_loop()

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stopping)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    # Python lets the main thread alone set handlers; in another one there is no server of ours.
    is_main = threading.current_thread() is threading.main_thread()
    handled = [number for number, handler in before.items() if callable(handler) and is_main]
    for number in handled:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, before[number])


async def run_until_stopped(stopping: Callable[[], None], /, **loops: Loop) -> None:
    """Run `loops` side by side until SIGTERM or SIGINT. One that fails is logged and started again a second later.

    At the signal `stopping` is called, and the loops finish what they have in hand; a second signal ends the process.
    """
    give_back()
    stop = asyncio.Event()
    running = asyncio.get_running_loop()

    def heard() -> None:
        for number in STOP_SIGNALS:
            running.remove_signal_handler(number)
        stopping()
        stop.set()

    for number in STOP_SIGNALS:
        running.add_signal_handler(number, heard)
    async with asyncio.TaskGroup() as tasks:
        for name, loop in loops.items():
            tasks.create_task(kept_running(name, loop, stop), name=name)


async def end(task: asyncio.Task[Ended]) -> None:
    """Cancel `task` until it has ended; what it raises is its own affair.

    redis-py can lose a cancellation that comes while it opens a connection, or looks whether one is still good.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_AGAIN_SECONDS)


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait `seconds`, or less when `stop` is set meanwhile."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


async def kept_running(name: str, loop: Loop, stop: asyncio.Event) -> None:
    """Run `loop` until `stop`. When it fails, that is logged, and it is started again a second later."""
    log, said, said_at = structlog.get_logger(), "", float("-inf")
    while not stop.is_set():
        try:
            await loop(stop)
        except Exception as error:  # a worker outlives every fault of one loop, and says so
            fault, now = type(error).__name__, time.monotonic()
            # The same fault comes every second until somebody mends it: once a minute is enough to hear of it.
            if fault != said or now - said_at > SAY_AGAIN_AFTER_SECONDS:
                said, said_at = fault, now
                if isinstance(error, Unavailable):
                    log.warning("loop_waits", loop=name, reason=error.code)
                else:
                    log.error("loop_failed", loop=name, exc_info=error)
            await pause(stop, RESTART_AFTER_SECONDS)


async def repeat(
    work: Callable[[], Awaitable[object]], every_seconds: float, *, stop: asyncio.Event, beat: Callable[[], None]
) -> None:
    """Do `work` now and every so many seconds until `stop`, calling `beat` more often; raises what `work` raises."""
    due_at = time.monotonic()
    while not stop.is_set():
        beat()
        if time.monotonic() >= due_at:
            await work()
            due_at = time.monotonic() + every_seconds
        await pause(stop, min(BEAT_EVERY_SECONDS, max(0.0, due_at - time.monotonic())))
