"""What the gateway says of itself after its event loop has kept everybody waiting."""

import asyncio
import json
import os
import signal

import httpx

from devstack.ports import free_ports
from tests.gateway.conftest import OneGateway
from tests.gateway.peers import get
from tests.gateway.process import Gateway
from tests.metering import read
from tests.waiting import until

STANDS_STILL_SECONDS = 8
"""Over the limit of five by far, and less than the ten for which it is remembered."""


async def livez(gateway: Gateway) -> tuple[int, object]:
    answer = await gateway.ask(get("/livez"))
    return answer.status, json.loads(answer.body)


class TestAStandstill:
    async def test_is_told_for_ten_seconds(self, one_gateway: OneGateway) -> None:
        """It is a reason to restart the process, none to send it nothing, and is over some time later."""
        [admin] = free_ports(1)
        async with one_gateway(ADMIN_PORT=str(admin)) as gateway, httpx.AsyncClient() as client:
            os.kill(gateway.pid, signal.SIGSTOP)
            try:
                await asyncio.sleep(STANDS_STILL_SECONDS)
            finally:
                os.kill(gateway.pid, signal.SIGCONT)

            async def is_told() -> bool:
                return await livez(gateway) == (503, {"status": "lagging"})

            await until(is_told)
            assert (await client.get(f"http://127.0.0.1:{admin}/livez")).status_code == 503
            assert (await gateway.ask(get("/readyz"))).status == 200
            found = read((await client.get(f"http://127.0.0.1:{admin}/metrics")).content)
            assert found["loop_lag_seconds"] > 5

            async def is_over() -> bool:
                return await livez(gateway) == (200, {"status": "alive"})

            await until(is_over, seconds=60)
