"""Waiting for something to become true, instead of sleeping and hoping."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

EVERY_SECONDS = 0.02


async def until(holds: Callable[[], object | Awaitable[object]], seconds: float = 10.0) -> None:
    """Return as soon as `holds()`, or what it awaits to, is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = holds()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s: {inspect.getsource(holds).strip()}"
        await asyncio.sleep(EVERY_SECONDS)
