"""Limits on the wire: who is counted together, and what the client hears."""

import itertools
import random
import re
from collections.abc import AsyncIterator
from ipaddress import IPv4Address

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Upstream, Wire, get, post, says
from tests.gateway.process import Gateway, running_gateway
from tests.gateway.wire.test_forwarding import forged
from tests.proofs import rounds

LIMIT = re.compile(r'"few";r=(\d+);t=(\d+)')

addresses = itertools.count(int(IPv4Address("198.18.0.0")))


@pytest.fixture(scope="module")
async def proxied_process(
    tmp_path_factory: pytest.TempPathFactory, upstream_server: Upstream
) -> AsyncIterator[Gateway]:
    ports = dict.fromkeys(("PLAIN", "JAR", "DEAD", "HOLE"), upstream_server.port)
    folder = tmp_path_factory.mktemp("limits")
    async with running_gateway(folder, ports, TRUSTED_PROXIES="127.0.0.1/32") as gateway:
        yield gateway


@pytest.fixture
def proxied(proxied_process: Gateway, upstream: Upstream) -> Gateway:
    """A gateway whose clients are behind a proxy, which is this test.

    /few lets in three requests at once, and then one in a quarter of an hour.
    """
    return proxied_process


@pytest.fixture
def client() -> str:
    """The field that says where a client is that nobody has heard of."""
    return f"X-Forwarded-For: {IPv4Address(next(addresses))}"


async def statuses(gateway: Gateway, *requests: str) -> list[int]:
    async with Wire.to(gateway.port) as wire:
        return [(await wire.answer(request)).status for request in requests]


def from_address(address: str) -> str:
    return get("/few", f"X-Forwarded-For: {address}")


class TestAnswers:
    async def test_say_where_the_client_stands(self, proxied: Gateway, client: str) -> None:
        """Every answer of a limited route has the policy, what is left of it, and when it is whole again."""
        answers = [await proxied.ask(get("/few", client)) for _ in range(3)]

        assert [answer.one("ratelimit-policy") for answer in answers] == ['"few";q=1;w=900'] * 3
        found = [LIMIT.fullmatch(answer.one("ratelimit") or "") for answer in answers]
        assert [limit and limit[1] for limit in found] == ["2", "1", "0"]

    async def test_one_too_many(self, proxied: Gateway, upstream: Upstream, client: str) -> None:
        """It is a problem that says when to come again, which a page can read, and the service hears nothing of it."""
        assert await statuses(proxied, *[get("/few", client)] * 3) == [200] * 3
        upstream.forget()
        answer = await proxied.ask(get("/few", client, "Origin: http://app.test"))

        assert (answer.status, answer.code) == (429, "rate_limited")
        found = LIMIT.fullmatch(answer.one("ratelimit") or "")
        assert found is not None
        assert answer.one("retry-after") == found[2]
        assert 600 <= int(found[2]) <= 900
        assert answer.one("proxy-status") == "gateway; error=http_request_denied"
        assert answer.one("access-control-allow-origin") == "http://app.test"
        assert "ratelimit" in (answer.one("access-control-expose-headers") or "")
        assert answer.one("cache-control") == "no-store"
        assert upstream.seen == []

    async def test_of_failures(self, proxied: Gateway, upstream: Upstream, client: str) -> None:
        """A service that breaks off, and a body that is too large, are answers of a limited route too."""
        large = await proxied.ask(get("/few", client, "Content-Length: 99999", method="POST"))
        upstream.script = says("HTTP/1.1 999 What\r\n\r\n", then_close=True)
        broken = await proxied.ask(get("/few", client))

        assert (large.status, broken.status) == (413, 502)
        assert [bool(LIMIT.fullmatch(answer.one("ratelimit") or "")) for answer in (large, broken)] == [True, True]

    async def test_without_a_limit(self, proxied: Gateway) -> None:
        """What is answered before it is counted, and what the gateway says itself, has none."""
        preflight = ("Origin: http://app.test", "Access-Control-Request-Method: GET")
        options = [get("/few", method="OPTIONS"), get("/few", *preflight, method="OPTIONS")]
        answers = [await proxied.ask(request) for request in [get("/health"), get("/nowhere"), *options]]

        assert [answer.status for answer in answers] == [200, 404, 204, 204]
        assert [answer.one("ratelimit") for answer in answers] == [None] * 4

    @pytest.mark.parametrize("name", ["RateLimit", "RateLimit-Policy"])
    async def test_a_service_with_limits_of_its_own(self, gateway: Gateway, upstream: Upstream, name: str) -> None:
        """What it says passes as it is, alone: its limit may be the narrower one."""
        upstream.script = says(f"HTTP/1.1 429 No\r\n{name}: own\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n")
        answer = await gateway.ask(get("/todos"))

        fields = {name: value for name, value in answer.fields if name.startswith("ratelimit")}
        assert fields == {name.lower(): "own"}
        assert answer.one("retry-after") == "7"

    async def test_connections_stay(self, proxied: Gateway, client: str) -> None:
        """A client that has sent a body with a request too many is answered, and may go on with the next one."""
        asked = [*[get("/few", client)] * 3, post("/few", "x" * 1000, client), get("/todos", client)]

        assert await statuses(proxied, *asked) == [200] * 3 + [429, 200]


class TestWhoIsCounted:
    async def test_xff_spoof(self, gateway: Gateway) -> None:
        """However many addresses a client claims to have, it is one."""
        dice = random.Random(11)
        asked = [get("/few", *(forged(dice) for _ in range(dice.randint(1, 3)))) for _ in range(rounds(1000))]

        assert set((await statuses(gateway, *asked))[3:]) == {429}

    async def test_each_address(self, proxied: Gateway) -> None:
        """Behind a proxy that is believed, each client has a limit of its own, and what it forges before counts not."""
        asked = [from_address(f"10.9.8.{number}, 192.0.2.{client}") for number in range(4) for client in (1, 2)]

        assert await statuses(proxied, *asked) == [200] * 6 + [429] * 2

    async def test_ipv6(self, proxied: Gateway) -> None:
        """All addresses of a /64 are one client, those of the next one another."""
        dice = random.Random(12)
        asked = [from_address(f"2001:db8:0:1:{dice.getrandbits(16):x}::{number:x}") for number in range(9)]

        assert await statuses(proxied, *asked) == [200] * 3 + [429] * 6
        assert await statuses(proxied, from_address("2001:db8:0:2::1")) == [200]

    async def test_each_limit(self, proxied: Gateway, client: str) -> None:
        """Who has used up one limit still has the others."""
        asked = [*[get("/few", client)] * 4, get("/todos", client)]

        assert await statuses(proxied, *asked) == [200] * 3 + [429, 200]

    async def test_two_gateways_count_together(
        self, one_gateway: OneGateway, upstream: Upstream, redis_url: str
    ) -> None:
        """With one Redis, a client that goes from one to the other gets no more."""
        async with (
            one_gateway(REDIS_URL=redis_url) as one,
            one_gateway(REDIS_URL=redis_url) as other,
        ):
            found = [(await gateway.ask(get("/few"))).status for gateway in (one, other) * 3]

        assert found == [200] * 3 + [429] * 3

    async def test_replicas_divide_what_they_count_alone(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """Without Redis, each of three lets in a third."""
        async with one_gateway(GATEWAY_REPLICAS="3") as gateway:
            found = [await gateway.ask(get("/few")) for _ in range(2)]

        assert [answer.status for answer in found] == [200, 429]
        assert 2000 < int(found[1].one("retry-after") or "") <= 2700

    async def test_a_factor(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """THROTTLE_FACTOR widens every limit, floods too."""
        floods = "flood = { rate = 1, per = 900, burst = 4 }"
        async with one_gateway(floods, THROTTLE_FACTOR="2") as gateway:
            found = [await gateway.ask(get("/few")) for _ in range(9)]

        assert [answer.status for answer in found] == [200] * 6 + [429] * 3
        assert [(answer.one("ratelimit") or "").split(";")[0] for answer in found] == ['"few"'] * 8 + ['"flood"']
