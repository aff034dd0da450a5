"""The end of the connection to Redis, at every moment at which a stream may be opening."""

import asyncio

import pytest

from tests.servers import NewValkey
from tests.waiting import until
from todo_service.changes.events.subscriber import Subscriber


class TestListening:
    @pytest.mark.parametrize("turns", range(6))
    async def test_while_redis_dies(self, new_valkey: NewValkey, turns):
        """Who asks for a channel of a line that is breaking off, after so many turns of the loop, hears of no fault."""
        server = new_valkey()
        async with Subscriber.open(server.url, lambda *_: None, lambda: None) as subscriber:
            await until(lambda: subscriber.is_up)
            # Blocking, so that the loop finds the end of the connection in its next turns.
            server.kill()
            for _ in range(turns):
                await asyncio.sleep(0)

            await subscriber.listen_to("a channel")
