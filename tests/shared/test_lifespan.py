"""The life of a process."""

import gc

from fastapi import FastAPI

from shared.lifespan import opens


class TestCollectingGarbage:
    async def test_leaves_out_what_the_start_made(self):
        """While an app lives, what was there before is not looked at, and what is new seldom; after it all is again."""
        app = FastAPI(lifespan=opens())
        threshold, frozen = gc.get_threshold(), gc.get_freeze_count()

        async with app.router.lifespan_context(app):
            alive = gc.get_threshold()[0], gc.get_freeze_count()

        assert alive[0] > threshold[0]
        assert alive[1] > frozen
        assert (gc.get_threshold(), gc.get_freeze_count()) == (threshold, 0)
