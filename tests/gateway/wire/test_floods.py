"""Floods and scans: what one address may send in all, and what the gateway keeps of many."""

from collections.abc import AsyncIterator

import httpx
import pytest

from devstack.ports import free_ports
from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Upstream, Wire, get
from tests.gateway.process import Gateway
from tests.gateway.wire.test_limits import statuses
from tests.metering import read
from tests.proofs import rounds
from tests.waiting import until


class TestFloods:
    @pytest.fixture
    async def flooded(self, one_gateway: OneGateway) -> AsyncIterator[Gateway]:
        """A gateway that lets in one request in a quarter of an hour, and has."""
        async with one_gateway("flood = { rate = 1, per = 900, burst = 1 }") as gateway:
            assert (await gateway.ask(get("/todos"))).status == 200
            yield gateway

    async def test_own_endpoints(self, flooded: Gateway) -> None:
        """All that is answered counts, but for what orchestrators ask and what is there to turn pages away."""
        preflight = ("Origin: http://app.test", "Access-Control-Request-Method: GET")
        asked = [get("/health"), get("/docs"), get("/todos"), get("/todos", method="OPTIONS")]
        free = [get("/livez"), get("/readyz"), get("/livez/"), get("/todos", *preflight, method="OPTIONS")]

        assert await statuses(flooded, *asked, *free) == [429] * 4 + [200] * 3 + [204]

    async def test_the_answer(self, flooded: Gateway) -> None:
        """It says which limit it was."""
        answer = await flooded.ask(get("/todos", "Origin: http://app.test"))

        assert (answer.status, answer.code) == (429, "rate_limited")
        assert answer.one("ratelimit-policy") == '"flood";q=1;w=900'
        assert answer.one("ratelimit") == f'"flood";r=0;t={answer.one("retry-after")}'
        assert answer.one("access-control-allow-origin") == "http://app.test"


class TestWhatIsKept:
    async def test_scan(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """Ten thousand addresses, each at another path, leave a few megabytes and no more figures than before."""
        [admin] = free_ports(1)
        here = {"ADMIN_PORT": str(admin), "ADMIN_ADDRESS": "127.0.0.1", "LOG_LEVEL": "error"}
        async with (
            one_gateway(TRUSTED_PROXIES="127.0.0.1/32", **here) as gateway,
            Wire.to(gateway.port) as wire,
        ):
            before = gateway.resident_kilobytes()
            for number in range(rounds(10_000)):
                address = f"X-Forwarded-For: 10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
                answer = await wire.answer(get(f"/few/{number:x}", address))
                assert answer.status == 200
            grown = gateway.resident_kilobytes() - before
            async with httpx.AsyncClient() as client:
                found = read((await client.get(f"http://127.0.0.1:{admin}/metrics")).content)

        assert grown < 16_384
        assert len(found) <= 200

    async def test_figures_and_log(self, one_gateway: OneGateway, upstream: Upstream, redis_url: str) -> None:
        """Refusals are counted by limit and by who kept count, which every line of the log says."""
        [admin] = free_ports(1)
        here = {"ADMIN_PORT": str(admin), "ADMIN_ADDRESS": "127.0.0.1", "REDIS_URL": redis_url}
        async with one_gateway(**here) as gateway, httpx.AsyncClient() as client:
            for _ in range(5):
                await gateway.ask(get("/few"))
            await gateway.ask(get("/health"))
            found = read((await client.get(f"http://127.0.0.1:{admin}/metrics")).content)
            await until(lambda: len(_lines(gateway)) == 6)

        assert found["gateway_limited_total{'backend': 'redis', 'policy': 'few'}"] == 2
        assert (found["redis_up"], found["redis_errors_total"]) == (1, 0)
        assert [line["limit_backend"] for line in _lines(gateway)] == ["redis"] * 5 + [None]


def _lines(gateway: Gateway) -> list[dict[str, object]]:
    return [line for line in gateway.lines() if line["path"] != "/livez"]
