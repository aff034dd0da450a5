"""What a service holds while it runs: opened in order, closed in reverse."""

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from typing import TypeAlias

from fastapi import FastAPI
from starlette.datastructures import State

from shared.memory import give_back

__all__ = ["Opener", "opens"]

COLLECT_AFTER_OBJECTS = 10_000

Opener: TypeAlias = Callable[[State], AbstractAsyncContextManager[object]]
"""Given the state that holds what was opened before, returns the next resource as a context manager."""


def opens(**resources: Opener) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that opens `resources` in order, each as `app.state.<name>`, and closes them in reverse.

    What was made until then is left out of garbage collections while it lasts.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for name, opener in resources.items():
                setattr(app.state, name, await stack.enter_async_context(opener(app.state)))
            give_back()
            with _seldom_collected():
                yield

    return lifespan


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """While entered, let the garbage collector look at new objects only, and at these seldom.

    A request leaves hardly any cycles behind, but at Python's threshold of 700 objects looking for them was a fifth of
    a cached page's time (decision 0015).
    """
    threshold = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS, *threshold[1:])
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        gc.unfreeze()
