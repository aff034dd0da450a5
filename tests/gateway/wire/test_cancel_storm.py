"""Clients that leave at any moment: nothing of theirs stays behind."""

import asyncio
import random
from pathlib import Path

import httpx

from devstack.ports import free_ports
from tests.gateway.peers import OK, Message, Upstream, Wire, get, post
from tests.gateway.process import Gateway, running_gateway
from tests.metering import read
from tests.proofs import rounds
from tests.waiting import until

AT_ONCE = 100


def descriptors(gateway: Gateway) -> int:
    return len(list(Path(f"/proc/{gateway.pid}/fd").iterdir()))


class TestACancelStorm:
    async def test_leaves_nothing_behind(self, tmp_path: Path, upstream: Upstream) -> None:
        """After 20 000 clients that left at random points, every request succeeds and no descriptor is lost."""
        dice = random.Random(5)

        async def script(wire: Wire, request: Message) -> None:
            await wire.body(request)
            await asyncio.sleep(dice.choice([0, 0, 0.01, 0.08]))
            await wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            await asyncio.sleep(dice.choice([0, 0, 0.02]))
            await wire.send("0\r\n\r\n")

        numbers = iter(range(rounds(20_000)))

        async def leave_at_once_or_later(port: int) -> None:
            for _ in numbers:
                raw = dice.choice([get("/todos"), post("/todos", "x" * 20_000)])
                async with Wire.to(port) as wire:
                    await wire.send(raw[: dice.randrange(1, len(raw))] if dice.random() < 0.2 else raw)
                    await asyncio.sleep(dice.choice([0, 0, 0.005, 0.02, 0.07]))

        [admin] = free_ports(1)

        async def is_at_rest() -> bool:
            async with httpx.AsyncClient() as client:
                figures = read((await client.get(f"http://127.0.0.1:{admin}/metrics")).content)
            return figures["gateway_in_flight"] == 0

        ports = dict.fromkeys(("PLAIN", "JAR", "DEAD", "HOLE"), upstream.port)
        async with running_gateway(tmp_path, ports, ADMIN_PORT=str(admin)) as gateway:
            await gateway.ask(get("/todos"))
            before = descriptors(gateway)
            upstream.script = script
            await asyncio.gather(*(leave_at_once_or_later(gateway.port) for _ in range(AT_ONCE)))
            upstream.forget()

            await until(is_at_rest, 60)
            for _ in range(20):
                assert (await gateway.ask(get("/todos"))).status == 200
            for writer in list(upstream.connections):
                writer.close()
            # Health checks and documents hold a few of their own, now and then.
            await until(lambda: descriptors(gateway) <= before + 10, 60)

            assert (await gateway.ask(get("/todos"))).body == OK[-2:]
