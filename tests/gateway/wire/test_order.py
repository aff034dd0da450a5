"""Which of two faults is answered: that of the earlier step. No step reads what a later one would refuse."""

import itertools
from typing import NamedTuple

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Upstream, Wire, get
from tests.gateway.process import Gateway

TOO_LONG = "/todos?" + "a" * 9000
LARGE = f"Content-Length: {1 << 30}"

# What a request is without a fault.
SOUND = {"target": "/todos", "method": "POST", "host": "localhost", "version": "HTTP/1.1"}


class Step(NamedTuple):
    """Which parts of a request, or which further lines, a step refuses, and with what status and code."""

    name: str
    parts: dict[str, str]
    lines: list[str]
    answer: tuple[int, str]


# In their order.
STEPS = [
    Step("target length", {"target": TOO_LONG}, [], (414, "target_too_long")),
    Step("header size", {}, [f"X-A: {'a' * 33_000}"], (431, "headers_too_large")),
    Step("version", {"version": "HTTP/2.0"}, [], (505, "http_version")),
    Step("coding", {}, ["Transfer-Encoding: gzip, chunked"], (501, "not_implemented")),
    Step("host", {"host": "a b"}, [], (400, "bad_host")),
    Step("host list", {"host": "evil.test"}, [], (421, "wrong_host")),
    Step("target", {"target": "/todos//x"}, [], (400, "bad_target")),
    Step("header", {}, ["Authorization: a", "Authorization: b"], (400, "bad_header")),
    Step("origin", {}, ["Origin: http://evil.test"], (403, "cors_forbidden")),
    Step("route", {"target": "/nowhere"}, [], (404, "not_found")),
    Step("method", {"target": "/read"}, [], (405, "method_not_allowed")),
    Step("token", {"target": "/required"}, [], (401, "missing_token")),
    Step("limit", {"target": "/few"}, [], (429, "rate_limited")),
    Step("body size", {}, [LARGE], (413, "body_too_large")),
    Step("expectation", {}, ["Expect: 200-ok"], (417, "expectation_failed")),
]
PAIRS = [
    pytest.param(earlier, later, id=f"{earlier.name}, {later.name}")
    for earlier, later in itertools.combinations(STEPS, 2)
    if not earlier.parts.keys() & later.parts.keys() and {earlier.name, later.name} != {"coding", "body size"}
]


@pytest.mark.parametrize(("earlier", "later"), PAIRS)
async def test_order(gateway: Gateway, upstream: Upstream, earlier: Step, later: Step) -> None:
    """A request that would fail at two steps gets the earlier answer, before any of its body, and runs nowhere."""
    while "limit" in {earlier.name, later.name} and (await gateway.ask(get("/few"))).status != 429:
        upstream.forget()
    said = SOUND | earlier.parts | later.parts
    lines = [f"Host: {said['host']}", *earlier.lines, *later.lines]
    async with Wire.to(gateway.port) as wire:
        await wire.send(f"{said['method']} {said['target']} {said['version']}\r\n" + "\r\n".join(lines) + "\r\n\r\n")
        answer = await wire.body(await wire.head())

    assert (answer.status, answer.code) == earlier.answer
    assert upstream.seen == []


async def test_preflight_comes_before_its_route(gateway: Gateway, upstream: Upstream) -> None:
    """A preflight is answered behind the checks of its head, and before route, method and body are looked at."""
    lines = "Origin: http://app.test\r\nAccess-Control-Request-Method: POST\r\n"
    unknown = await gateway.ask(f"OPTIONS /nowhere HTTP/1.1\r\nHost: localhost\r\n{lines}{LARGE}\r\n\r\n")
    elsewhere = await gateway.ask(f"OPTIONS /todos HTTP/1.1\r\nHost: evil.test\r\n{lines}\r\n")

    assert (unknown.status, elsewhere.status) == (204, 421)
    assert upstream.seen == []


async def test_a_token_is_asked_for_where_there_is_something(gateway: Gateway, upstream: Upstream) -> None:
    """A method that is not there is 405 and a preflight is answered, with or without a token."""
    lines = "Origin: http://app.test\r\nAccess-Control-Request-Method: POST\r\n"
    asked = [f"{method} /required HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n" for method in ("DELETE", "OPTIONS")]

    assert [(await gateway.ask(raw)).status for raw in asked] == [405, 204]
    assert upstream.seen == []


async def test_floods_come_behind_the_method(one_gateway: OneGateway, upstream: Upstream) -> None:
    """They are told before the limit of the route and the body; what was wrong before that is still said."""
    async with one_gateway("flood = { rate = 1, per = 900, burst = 5 }") as gateway:
        for _ in range(4):
            await gateway.ask(get("/few"))
        before_flood = await gateway.ask(get("/few"))
        flood = await gateway.ask(get("/few", LARGE, method="POST"))
        earlier = [await gateway.ask(request) for request in (get("/nowhere"), get("/few", method="PUT"))]

    policies = [answer.one("ratelimit-policy") for answer in (before_flood, flood)]
    assert [answer.status for answer in (before_flood, flood, *earlier)] == [429, 429, 404, 405]
    assert policies == ['"few";q=1;w=900', '"flood";q=1;w=900']
