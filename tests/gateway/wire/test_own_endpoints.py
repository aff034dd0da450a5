"""What the gateway answers itself: health, documents, the docs page, its log."""

import json
import re

import pytest

from tests.gateway.peers import Upstream, get
from tests.gateway.process import Gateway
from tests.waiting import until

DOCUMENT: dict[str, object] = {
    "openapi": "3.1.0",
    "paths": {"/todos": {"get": {"operationId": "list", "responses": {"200": {"description": "ok"}}}}},
}


class TestHealth:
    @pytest.mark.parametrize("slash", ["", "/"])
    @pytest.mark.parametrize(
        ("target", "body"),
        [("/health", {"status": "healthy"}), ("/livez", {"status": "alive"}), ("/readyz", {"status": "ready"})],
    )
    async def test_depends_on_nobody(self, gateway: Gateway, target: str, slash: str, body: dict[str, str]) -> None:
        """Each is answered in both spellings, whatever the upstreams do."""
        answer = await gateway.ask(get(target + slash))

        assert (answer.status, json.loads(answer.body)) == (200, body)

    async def test_head(self, gateway: Gateway) -> None:
        """HEAD goes where GET goes, here too."""
        answer = await gateway.ask(get("/health", method="HEAD"), to_head=True)

        assert (answer.status, answer.one("content-length")) == (200, "20")


class TestDocuments:
    async def test_follow_the_services(self, gateway: Gateway, upstream: Upstream) -> None:
        """A service that was missing is in the document soon after it is there, without a restart."""
        before = json.loads((await gateway.ask(get("/openapi.json"))).body)
        upstream.document = DOCUMENT

        async def has_it() -> bool:
            return "/todos" in json.loads((await gateway.ask(get("/openapi.json"))).body)["paths"]

        await until(has_it)
        assert "/todos" not in before["paths"]
        assert "does not answer" in before["info"]["description"]

    async def test_are_not_sent_twice(self, gateway: Gateway) -> None:
        """A client that has the document hears that it is still the same."""
        tag = (await gateway.ask(get("/openapi.json"))).one("etag")

        answer = await gateway.ask(get("/openapi.json", f'If-None-Match: "another", W/{tag}'))

        assert answer.status == 304


class TestDocsPage:
    async def test_the_root_shows_the_way(self, gateway: Gateway) -> None:
        """Who opens the printed address gets the docs page."""
        answer = await gateway.ask(get("/"))

        assert (answer.status, answer.one("location")) == (307, "/docs")

    @pytest.mark.parametrize("target", ["/docs", "/docs/"])
    async def test_loads_from_here_alone(self, gateway: Gateway, target: str) -> None:
        """Every file of the page comes from the gateway, no script is inline, and the policy says so."""
        page = await gateway.ask(get(target))
        text = page.body.decode()
        sources = re.findall(r'(?:src|href)="([^"]+)"', text)

        assert "script-src 'self';" in (page.one("content-security-policy") or "")
        assert len(page.all("content-security-policy")) == 1
        assert re.findall(r"<script(?![^>]*src=)", text) == []
        assert all(source.startswith("/") and not source.startswith("//") for source in sources)
        for source in sources:
            assert (await gateway.ask(get(source))).status == 200

    async def test_has_the_configured_title(self, gateway: Gateway) -> None:
        """The page is named as the API is."""
        page = await gateway.ask(get("/docs"))

        assert b"<title>Things</title>" in page.body

    @pytest.mark.parametrize("name", ["none.js", "..%2E", "docs.html"])
    async def test_other_files_are_not_there(self, gateway: Gateway, name: str) -> None:
        """Only the page's own files can be asked for."""
        assert (await gateway.ask(get(f"/docs/assets/{name}"))).status == 404


class TestLog:
    async def test_one_line_a_request(self, gateway: Gateway, upstream: Upstream) -> None:
        """A request is one line that says what it was and what became of it, joined to the answer by its id."""
        answer = await gateway.ask(get("/todos/logged"))

        await until(lambda: any(line["path"] == "/todos/logged" for line in gateway.lines()))
        line = next(line for line in gateway.lines() if line["request_id"] == answer.one("x-request-id"))
        said = {key: line[key] for key in ("event", "service", "method", "route", "status", "upstream", "client_ip")}
        assert said == {
            "event": "request",
            "service": "gateway",
            "method": "GET",
            "route": "/todos",
            "status": 200,
            "upstream": "plain",
            "client_ip": "127.0.0.1",
        }
        assert (line["bytes_out"], line["error"]) == (2, None)

    async def test_tells_no_secrets(self, gateway: Gateway, upstream: Upstream) -> None:
        """No query value, token, cookie or body is ever in it."""
        lines = ("Authorization: Bearer canary-token", "Cookie: c=canary-cookie")
        await gateway.ask(get("/auth/canary-path?q=canary-query", *lines, "X-Extra: canary-field"))
        await gateway.ask(get("/auth//canary-second?q=canary-query", *lines))

        await until(lambda: "canary-second" in gateway.log.read_text())
        for secret in ("canary-token", "canary-cookie", "canary-query", "canary-field"):
            assert secret not in gateway.log.read_text()

    async def test_says_why(self, gateway: Gateway) -> None:
        """A refusal's line has its code."""
        await gateway.ask_a_bad_one(get("/dead/why"))

        await until(lambda: '"/dead/why", "status": 502' in gateway.log.read_text())
        assert '"error": "upstream_unreachable"' in gateway.log.read_text()
