"""The life of a process."""

import asyncio
import gc

import pytest
from fastapi import FastAPI

from shared.lifespan import repeat
from shared.resources import opens
from tests.waiting import until


@pytest.fixture
def usual_collector():
    """The collector as a process finds it. Apps of other tests live beside this one, and changed it for themselves."""
    threshold, frozen = gc.get_threshold(), gc.get_freeze_count()
    gc.set_threshold(700, 10, 10)
    gc.unfreeze()
    yield
    gc.set_threshold(*threshold)
    if frozen:
        gc.freeze()


class TestCollectingGarbage:
    async def test_leaves_out_what_the_start_made(self, usual_collector):
        """While an app lives, what was there before is not looked at, and what is new seldom; after it all is again."""
        app = FastAPI(lifespan=opens())

        async with app.router.lifespan_context(app):
            alive = gc.get_threshold()[0], gc.get_freeze_count()

        assert alive[0] > 700
        assert alive[1] > 0
        assert (gc.get_threshold(), gc.get_freeze_count()) == ((700, 10, 10), 0)


class TestRepeating:
    async def test_is_on_time(self):
        """Work that is due sooner than the next heartbeat does not wait for that."""
        stop, done = asyncio.Event(), []

        async def work():
            done.append(len(done))

        repeating = asyncio.create_task(repeat(work, 0.01, stop=stop, beat=lambda: None))
        await until(lambda: len(done) >= 3)
        stop.set()

        await repeating
