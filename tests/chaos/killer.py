"""The one who kills: processes of the set at random, by SIGKILL. devstack starts each again a second later."""

import asyncio
import os
import random
import signal
from contextlib import suppress

import httpx

from tests.chaos.tally import Tally
from tests.running_set import RunningSet
from tests.waiting import until

VICTIMS = ("todo-service", "todo-worker", "valkey", "postgres", "gateway", "auth-service")
PAUSE_SECONDS = (1.0, 6.0)
READY_SECONDS = 120.0
HASTE, WRITES = 0.3, 20
"""How many kills come whatever the last one has left; the others wait until writes are acknowledged again, so many."""


class Killer:
    """Kills each process once, in random order, and begins again."""

    def __init__(self, running: RunningSet, tally: Tally, dice: random.Random) -> None:
        self._running, self._tally, self._dice = running, tally, dice

    async def rage(self, seconds: float) -> None:
        """Kill for so long."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        victims: list[str] = []
        while clock() < end:
            await asyncio.sleep(min(self._dice.uniform(*PAUSE_SECONDS), end - clock()))
            if self._dice.random() > HASTE:
                await self._until_writes_flow(end)
            victims = victims or self._dice.sample(VICTIMS, len(VICTIMS))
            self._kill(victims.pop())

    async def until_all_are_ready(self) -> None:
        """Wait until every process is there again and says that it can work; else raise `AssertionError`."""
        began = asyncio.get_running_loop().time()
        async with httpx.AsyncClient() as client:
            for name, url in self._running.stack()["admin_urls"].items():
                try:
                    await until(lambda url=url: _is_ready(client, url), READY_SECONDS)
                except AssertionError:
                    raise AssertionError(f"{name} is not ready {READY_SECONDS:.0f} s after the last kill") from None
        self._tally.recovery_seconds = asyncio.get_running_loop().time() - began

    async def _until_writes_flow(self, end: float) -> None:
        """Wait until some writes more are acknowledged, at most until `end`."""
        goal = self._tally.acknowledged.total() + WRITES
        while self._tally.acknowledged.total() < goal and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.05)

    def _kill(self, name: str) -> None:
        """Kill it, unless it is away just now."""
        if running := self._running.stack()["processes"].get(name):
            with suppress(ProcessLookupError):
                os.kill(running["pid"], signal.SIGKILL)
                self._tally.kills[name] += 1


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz")).status_code == 200
    except httpx.TransportError:
        return False
