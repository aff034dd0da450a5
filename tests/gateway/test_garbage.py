"""What a request leaves behind in the process."""

import gc

from tests.gateway.here import Names, config_of, gateway_here
from tests.gateway.peers import Upstream, Wire, get, post


class TestARequest:
    async def test_leaves_nothing_to_the_collector(self, upstream: Upstream) -> None:
        """Its objects go with its last line: none leads to itself, and would stay until the collector comes."""
        config = config_of({"todos": {"url": f"http://127.0.0.1:{upstream.port}"}})
        async with gateway_here(config, Names()) as gateway, Wire.to(gateway.port) as wire:
            for _ in range(3):
                await wire.answer(get("/todos"))
                await wire.answer(post("/todos", "{}"))
            gc.collect()
            gc.disable()
            try:
                for _ in range(50):
                    await wire.answer(get("/todos"))
                    await wire.answer(post("/todos", "{}"))
                left = gc.collect()
            finally:
                gc.enable()

        # Other tasks of this process may leave some.
        assert left < 50
