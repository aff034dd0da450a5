"""Clients that leave at any moment: nothing of theirs stays behind."""

import asyncio
import random
from pathlib import Path

from tests.gateway.peers import OK, Message, Upstream, Wire, get, post
from tests.gateway.process import Gateway
from tests.proofs import rounds
from tests.waiting import until

AT_ONCE = 100


def descriptors(gateway: Gateway) -> int:
    return len(list(Path(f"/proc/{gateway.pid}/fd").iterdir()))


class TestACancelStorm:
    async def test_leaves_nothing_behind(self, gateway: Gateway, upstream: Upstream) -> None:
        """After 20 000 clients that left at random points, every request succeeds and no descriptor is lost."""
        dice = random.Random(5)
        before = descriptors(gateway)

        async def script(wire: Wire, request: Message) -> None:
            await wire.body(request)
            await asyncio.sleep(dice.choice([0, 0, 0.01, 0.08]))
            await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            await asyncio.sleep(dice.choice([0, 0, 0.02]))
            await wire.send("0\r\n\r\n")

        numbers = iter(range(rounds(20_000)))

        async def leave_at_once_or_later() -> None:
            for _ in numbers:
                raw = dice.choice([get("/todos"), post("/todos", "x" * 20_000)])
                async with Wire.to(gateway.port) as wire:
                    await wire.send(raw[: dice.randrange(1, len(raw))] if dice.random() < 0.2 else raw)
                    await asyncio.sleep(dice.choice([0, 0, 0.005, 0.02, 0.07]))

        upstream.script = script
        await asyncio.gather(*(leave_at_once_or_later() for _ in range(AT_ONCE)))
        upstream.forget()

        # More at once than an endpoint takes: a slot that was lost would be missed.
        answers = await asyncio.gather(*(gateway.ask(get("/todos")) for _ in range(AT_ONCE)))
        assert {answer.status for answer in answers} == {200}
        for writer in list(upstream.connections):
            writer.close()
        await until(lambda: descriptors(gateway) <= before + 1)

        assert (await gateway.ask(get("/todos"))).body == OK[-2:]
