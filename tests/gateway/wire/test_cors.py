"""What pages may do: those of listed origins and the gateway's own as they like, those of others nothing."""

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Message, Upstream, get, post, says
from tests.gateway.process import Gateway

APP = "Origin: http://app.test"
EVIL = "Origin: http://evil.test"
ASKING = "Access-Control-Request-Method: PATCH"
FOREIGN = [
    *("http://evil.test", "null", "", "http://app.test.evil", "http://app.test, http://app.test", "http://app.test/"),
    *("HTTP://APP.TEST", "https://app.test", "http://app.test:80", "http://localhost", "http://localhost:3000"),
]


def granted(answer: Message) -> list[str]:
    return [name for name, _ in answer.fields if name.startswith("access-control-")]


class TestAnAnswer:
    @pytest.mark.parametrize("target", ["/todos", "/nowhere", "/health", "/openapi.json"])
    async def test_vary_without_origin(self, gateway: Gateway, target: str) -> None:
        """Answers to requests without an origin say that others would differ, and grant nothing."""
        answer = await gateway.ask(get(target))

        assert "Origin" in (answer.one("vary") or "")
        assert granted(answer) == []

    @pytest.mark.parametrize("origin", FOREIGN)
    async def test_grants_others_nothing(self, gateway: Gateway, origin: str) -> None:
        """Only the listed origins, byte for byte."""
        assert granted(await gateway.ask(get("/todos", f"Origin: {origin}"))) == []

    async def test_grants_nothing_to_two_origins(self, gateway: Gateway) -> None:
        """Who names two is no browser, also if both are listed."""
        assert granted(await gateway.ask(get("/todos", APP, APP))) == []

    @pytest.mark.parametrize("lines", [(), (APP,), (EVIL,)])
    async def test_cors_upstream_headers(self, gateway: Gateway, upstream: Upstream, lines: tuple[str, ...]) -> None:
        """What a service says of CORS itself is not heard; the gateway's own is there once, for listed origins."""
        theirs = ("Origin: *", "Credentials: true", "Expose-Headers: x-secret", "Max-Age: 1", "Private-Network: true")
        fields = "".join(f"Access-Control-Allow-{field}\r\naccess-control-{field}\r\n" for field in theirs)
        upstream.script = says(f"HTTP/1.1 200 OK\r\n{fields}Vary: origin, Accept\r\nContent-Length: 0\r\n\r\n")

        answer = await gateway.ask(get("/todos", *lines))

        own = ["access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers"]
        assert granted(answer) == (own if lines == (APP,) else [])
        assert answer.one("access-control-allow-origin") == ("http://app.test" if lines == (APP,) else None)
        assert answer.one("vary") == "origin, Accept"


class TestPreflight:
    @pytest.mark.parametrize("target", ["/todos/1", "/nowhere", "/dead", "/live", "/health"])
    async def test_preflight_never_upstream(self, gateway: Gateway, upstream: Upstream, target: str) -> None:
        """A listed origin hears what it may do; no upstream hears of it, and none is needed."""
        answer = await gateway.ask(get(target, APP, ASKING, method="OPTIONS"))

        assert (answer.status, answer.body) == (204, b"")
        assert answer.one("access-control-allow-origin") == "http://app.test"
        assert answer.one("access-control-allow-credentials") == "true"
        assert "authorization" in (answer.one("access-control-allow-headers") or "")
        assert answer.one("access-control-max-age") == "7200"
        vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
        assert answer.one("vary") == vary
        assert upstream.seen == []

    async def test_methods_are_those_of_the_route(self, gateway: Gateway) -> None:
        """A route that only reads says so; where there is none, the page shall see the real 404."""
        reading = await gateway.ask(get("/read", APP, ASKING, method="OPTIONS"))
        nowhere = await gateway.ask(get("/nowhere", APP, ASKING, method="OPTIONS"))

        assert reading.one("access-control-allow-methods") == "GET"
        assert (nowhere.status, nowhere.one("access-control-allow-methods")) == (204, "GET, POST, PUT, PATCH, DELETE")

    @pytest.mark.parametrize("origin", FOREIGN)
    async def test_of_others(self, gateway: Gateway, upstream: Upstream, origin: str) -> None:
        """Other origins are told no, without any CORS field."""
        answer = await gateway.ask(get("/todos", f"Origin: {origin}", ASKING, method="OPTIONS"))

        assert (answer.status, answer.code) == (403, "cors_forbidden")
        assert granted(answer) == []
        assert upstream.seen == []

    async def test_options_that_is_none(self, gateway: Gateway, upstream: Upstream) -> None:
        """Without a page asking, OPTIONS tells the methods."""
        answer = await gateway.ask(get("/read", method="OPTIONS"))

        assert (answer.status, answer.one("allow")) == (204, "GET, HEAD, OPTIONS")
        assert upstream.seen == []


class TestWrites:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("origin", FOREIGN)
    async def test_foreign_origin_unsafe(self, gateway: Gateway, upstream: Upstream, method: str, origin: str) -> None:
        """A page of an unlisted origin changes nothing, even with a request that needs no preflight."""
        answer = await gateway.ask(post("/todos", "{}", f"Origin: {origin}", method=method))

        assert (answer.status, answer.code) == (403, "cors_forbidden")
        assert granted(answer) == []
        assert upstream.seen == []

    @pytest.mark.parametrize(
        ("host", "origin"),
        [
            *(("localhost:8080", "http://localhost:8080"), ("127.0.0.1:8080", "http://127.0.0.1:8080")),
            *(("[::1]:81", "http://[::1]:81"), ("gateway", "http://gateway"), ("gateway", "http://localhost:8080")),
        ],
    )
    async def test_own_origin_docs_post(self, gateway: Gateway, upstream: Upstream, host: str, origin: str) -> None:
        """The gateway's own page writes by whichever of its names it was opened; it needs no grant for it."""
        request = f"POST /todos HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nContent-Length: 2\r\n\r\n{{}}"

        answer = await gateway.ask(request)

        assert (answer.status, granted(answer)) == (200, [])
        assert upstream.last.body == b"{}"

    @pytest.mark.parametrize(
        ("host", "origin", "status"),
        [
            *(("evil.test", "http://evil.test", 421), ("localhost:8080", "http://localhost:3000", 403)),
            *(("127.0.0.1:8080", "http://127.0.0.1", 403), ("127.0.0.1:8080", "https://127.0.0.1:8080", 403)),
        ],
    )
    async def test_own_origin_is_the_whole_of_it(
        self, gateway: Gateway, upstream: Upstream, host: str, origin: str, status: int
    ) -> None:
        """Another port or scheme is another origin, and a name that leads here without being listed is nobody's."""
        answer = await gateway.ask(f"POST /todos HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\r\n")

        assert answer.status == status
        assert upstream.seen == []

    async def test_own_origin_behind_encryption(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """Where PUBLIC_URL is https, the plain page of the same host is not its own: anybody could have sent it."""
        trusted = {"TRUSTED_PROXIES": "127.0.0.1/32", "PUBLIC_URL": "https://api.example", "GATEWAY_HOSTS": "b.example"}
        asked = ["https://api.example", "https://b.example", "http://b.example", "http://api.example"]
        statuses = []
        async with one_gateway(**trusted) as gateway:
            for origin in asked:
                head = f"POST /todos HTTP/1.1\r\nHost: b.example\r\nOrigin: {origin}\r\nContent-Length: 0\r\n"
                behind_tls = await gateway.ask(f"{head}X-Forwarded-Proto: https\r\n\r\n")
                plain = await gateway.ask(f"{head}\r\n")
                statuses.append((behind_tls.status, plain.status))

        assert statuses == [(200, 200), (200, 403), (403, 403), (403, 403)]

    @pytest.mark.parametrize("lines", [(), (APP,)])
    async def test_listed_and_no_browser_pass(
        self, gateway: Gateway, upstream: Upstream, lines: tuple[str, ...]
    ) -> None:
        """Listed pages and other programs write as usual."""
        assert (await gateway.ask(post("/todos", "{}", *lines))).status == 200

    async def test_reading_is_not_stopped(self, gateway: Gateway, upstream: Upstream) -> None:
        """A foreign page may ask: the browser keeps the answer from it."""
        answer = await gateway.ask(get("/todos", EVIL))

        assert (answer.status, granted(answer)) == (200, [])
