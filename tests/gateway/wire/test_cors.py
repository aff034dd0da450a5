"""Pages of listed origins can read every answer, also of errors; pages of others get nothing done."""

import json
from collections.abc import Callable

import pytest

from tests.gateway.peers import Message, Upstream, get, post, says
from tests.gateway.process import Gateway

APP = "Origin: http://app.test"
EVIL = "Origin: http://evil.test"
ASKING = "Access-Control-Request-Method: PATCH"

ERRORS: dict[str, tuple[int, Callable[[], str]]] = {
    "no route": (404, lambda: get("/nowhere", APP)),
    "no method": (405, lambda: get("/read", APP, method="DELETE")),
    "own no method": (405, lambda: get("/health", APP, method="DELETE")),
    "bad target": (400, lambda: get("/todos//x", APP)),
    "bad header": (400, lambda: get("/todos", APP, "Connection: authorization")),
    "bad host": (400, lambda: f"GET /todos HTTP/1.1\r\nHost: a b\r\n{APP}\r\n\r\n"),
    "expectation": (417, lambda: get("/todos", APP, "Expect: miracles")),
    "too large": (413, lambda: post("/dead", "x" * 2000, APP)),
    "loop": (508, lambda: get("/todos", APP, "Via: 1 gateway, 1 gateway")),
    "unreachable": (502, lambda: get("/dead", APP)),
    "connect timeout": (504, lambda: get("/hole", APP)),
    "missing asset": (404, lambda: get("/docs/assets/none", APP)),
}


def assert_readable(answer: Message) -> None:
    assert answer.one("access-control-allow-origin") == "http://app.test"
    assert answer.one("access-control-allow-credentials") == "true"
    assert "x-request-id" in (answer.one("access-control-expose-headers") or "")
    assert "Origin" in (answer.one("vary") or "")


class TestEveryStatusCanBeRead:
    @pytest.mark.parametrize("name", ERRORS)
    async def test_own_errors(self, gateway: Gateway, name: str) -> None:
        """The gateway's own refusals are problems with an id, a cause and the CORS fields."""
        status, request = ERRORS[name]

        answer = await gateway.ask_a_bad_one(request())

        assert answer.status == status
        assert_readable(answer)
        problem = json.loads(answer.body)
        assert answer.one("content-type") == "application/problem+json"
        assert problem["status"] == status
        assert problem["request_id"] == answer.one("x-request-id")
        assert answer.one("cache-control") == "no-store"

    @pytest.mark.parametrize("status", [200, 201, 304, 401, 403, 404, 409, 422, 429, 500, 502, 503, 504])
    async def test_upstream_answers(self, gateway: Gateway, upstream: Upstream, status: int) -> None:
        """So are all answers of upstreams, which pass as they are."""
        length = "" if status == 304 else "Content-Length: 2\r\n"
        upstream.script = says(f"HTTP/1.1 {status} X\r\n{length}\r\n" + ("" if status == 304 else "{}"))

        answer = await gateway.ask(get("/todos", APP))

        assert answer.status == status
        assert_readable(answer)
        assert answer.one("proxy-status") is None

    async def test_slow_upstream(self, gateway: Gateway, upstream: Upstream) -> None:
        """A page can read the problem of a service that is too slow."""

        async def never(*_: object) -> None:
            return

        upstream.script = never

        answer = await gateway.ask(get("/todos", APP))

        assert (answer.status, answer.code) == (504, "upstream_timeout")
        assert_readable(answer)

    @pytest.mark.parametrize("target", ["/todos", "/nowhere", "/health", "/openapi.json"])
    async def test_vary_without_origin(self, gateway: Gateway, target: str) -> None:
        """Answers to requests without an origin say that others would differ, and grant nothing."""
        answer = await gateway.ask(get(target))

        assert "Origin" in (answer.one("vary") or "")
        assert answer.all("access-control-allow-origin") == []

    @pytest.mark.parametrize("origin", ["http://evil.test", "null", "http://app.test.evil", "HTTP://APP.TEST"])
    async def test_others_are_granted_nothing(self, gateway: Gateway, origin: str) -> None:
        """Only the listed origins, byte for byte."""
        answer = await gateway.ask(get("/todos", f"Origin: {origin}"))

        assert [name for name, _ in answer.fields if name.startswith("access-control-")] == []


class TestPreflight:
    async def test_is_answered_here(self, gateway: Gateway, upstream: Upstream) -> None:
        """A listed origin hears what it may do; the upstream hears nothing of it."""
        answer = await gateway.ask(get("/todos/1", APP, ASKING, method="OPTIONS"))

        assert answer.status == 204
        assert_readable(answer)
        assert answer.one("access-control-allow-methods") == "GET, POST, PUT, PATCH, DELETE"
        assert "authorization" in (answer.one("access-control-allow-headers") or "")
        assert answer.one("access-control-max-age") == "7200"
        assert "Access-Control-Request-Headers" in (answer.one("vary") or "")
        assert upstream.seen == []

    async def test_methods_are_those_of_the_route(self, gateway: Gateway) -> None:
        """A route that only reads says so; where there is none, the page shall see the real 404."""
        reading = await gateway.ask(get("/read", APP, ASKING, method="OPTIONS"))
        nowhere = await gateway.ask(get("/nowhere", APP, ASKING, method="OPTIONS"))

        assert reading.one("access-control-allow-methods") == "GET"
        assert (nowhere.status, nowhere.one("access-control-allow-methods")) == (204, "GET, POST, PUT, PATCH, DELETE")

    async def test_of_others(self, gateway: Gateway, upstream: Upstream) -> None:
        """Other origins are told no, without any CORS field."""
        answer = await gateway.ask(get("/todos", EVIL, ASKING, method="OPTIONS"))

        assert (answer.status, answer.code) == (403, "cors_forbidden")
        assert [name for name, _ in answer.fields if name.startswith("access-control-")] == []
        assert upstream.seen == []

    async def test_options_that_is_none(self, gateway: Gateway, upstream: Upstream) -> None:
        """Without a page asking, OPTIONS tells the methods."""
        answer = await gateway.ask(get("/read", method="OPTIONS"))

        assert (answer.status, answer.one("allow")) == (204, "GET, HEAD, OPTIONS")
        assert upstream.seen == []


class TestForeignWrites:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("origin", ["http://evil.test", "null", "https://localhost:8080"])
    async def test_are_refused(self, gateway: Gateway, upstream: Upstream, method: str, origin: str) -> None:
        """A page of an unlisted origin changes nothing, even with a request that needs no preflight."""
        answer = await gateway.ask(post("/todos", "{}", f"Origin: {origin}", method=method))

        assert (answer.status, answer.code) == (403, "cors_forbidden")
        assert upstream.seen == []

    @pytest.mark.parametrize("lines", [(), (APP,), ("Origin: http://localhost:8080",)])
    async def test_own_listed_and_no_browser_pass(
        self, gateway: Gateway, upstream: Upstream, lines: tuple[str, ...]
    ) -> None:
        """The docs page, listed pages and other programs write as usual."""
        answer = await gateway.ask(post("/todos", "{}", *lines))

        assert answer.status == 200

    async def test_reading_is_not_stopped(self, gateway: Gateway, upstream: Upstream) -> None:
        """A foreign page may send a GET: the browser keeps the answer from it."""
        answer = await gateway.ask(get("/todos", EVIL))

        assert answer.status == 200
