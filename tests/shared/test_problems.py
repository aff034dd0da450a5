"""Every error leaves as a problem (RFC 9457), whoever raised it."""

import json
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from shared.bodies import Text
from shared.body_limit import BodyLimit
from shared.faults import install_problem_handlers
from shared.problem_responses import documents
from shared.problems import Busy, Conflict, NotFound
from shared.request_log import RequestLog


class Login(BaseModel):
    """A body with something to hide."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[Text, Field(max_length=5)]
    password: Text


class NameTaken(Conflict):
    """Somebody has that name."""

    code, title = "name_taken", "Name taken"


@pytest.fixture
async def client():
    """A client of an app with one route for each way to fail."""
    app = FastAPI(redirect_slashes=False)
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, max_bytes=1000, of_paths={"/roomy": 2000})
    app.add_middleware(RequestLog, trusts=lambda host: host == "127.0.0.1")

    @app.post("/roomy")
    @app.post("/login", responses=documents(NameTaken))
    async def log_in(body: Login) -> str:
        return body.name

    @app.get("/taken")
    async def taken() -> None:
        raise NameTaken(current={"name": "ada"})

    @app.get("/busy")
    async def busy() -> None:
        raise Busy

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("canary")

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def assert_is_problem(response: httpx.Response, status: int, code: str) -> dict:
    """Assert that `response` is a whole problem with this status and code; return its body."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    return body


class TestProblems:
    async def test_say_what_happened(self, client):
        """A problem carries its class's words, the address, and what the feature adds."""
        body = assert_is_problem(await client.get("/taken"), 409, "name_taken")

        assert body["detail"] == "Somebody has that name."
        assert body["instance"] == "/taken"
        assert body["current"] == {"name": "ada"}

    async def test_are_not_stored_by_caches(self, client):
        """An error answer is this request's alone."""
        assert (await client.get("/taken")).headers["cache-control"] == "no-store"

    async def test_say_when_to_come_back(self, client):
        """A 503 has Retry-After."""
        response = await client.get("/busy")

        assert_is_problem(response, 503, "busy")
        assert response.headers["retry-after"] == "1"

    async def test_cover_unknown_addresses(self, client):
        """The framework's own 404 is a problem."""
        assert_is_problem(await client.get("/nowhere"), 404, "not_found")

    async def test_cover_wrong_methods(self, client):
        """405 keeps Allow (RFC 9110 section 15.5.6)."""
        response = await client.delete("/busy")

        assert_is_problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "GET"

    async def test_cover_bugs_without_telling_them(self, client):
        """An unforeseen error is 500 and shows nothing of its cause."""
        response = await client.get("/bug")

        assert_is_problem(response, 500, "internal")
        assert "canary" not in response.text

    async def test_are_documented_under_their_media_type(self):
        """The OpenAPI says application/problem+json and the codes."""
        documented = documents(NotFound, NameTaken)

        assert set(documented) == {404, 409}
        schema = documented[409]["content"]["application/problem+json"]["schema"]
        assert schema["properties"]["code"]["enum"] == ["name_taken"]


class TestBadBodies:
    async def test_malformed_json_is_400(self, client):
        """Text that is not JSON is told from JSON that is wrong."""
        response = await client.post("/login", content=b'{"name": ', headers={"content-type": "application/json"})

        assert_is_problem(response, 400, "malformed_json")

    @pytest.mark.parametrize(
        "content",
        [b'{"name": "\xff"}', b"[" * 900, b'{"name": ' + b"9" * 900 + b"}", b"\xef\xbb\xbf{}"],
        ids=["not UTF-8", "deep", "long number", "byte order mark"],
    )
    async def test_hostile_json_is_a_clear_4xx(self, client, content):
        """No body makes a 500."""
        response = await client.post("/login", content=content, headers={"content-type": "application/json"})

        assert response.status_code in {400, 422}
        assert response.headers["content-type"] == "application/problem+json"

    async def test_a_wrong_field_is_named_and_not_repeated(self, client):
        """422 names each wrong field in `errors` and shows no value: it may be the password."""
        response = await client.post("/login", json={"name": "far too long", "password": ["canary"], "admin": "canary"})

        body = assert_is_problem(response, 422, "validation_error")
        assert [entry["loc"] for entry in body["errors"]] == [["body", "name"], ["body", "password"], ["body", "admin"]]
        assert "name" in body["detail"]
        assert "canary" not in response.text
        assert all(set(entry) == {"loc", "type", "msg"} for entry in body["errors"])

    async def test_many_wrong_fields_are_a_short_answer(self, client):
        """The first twenty are named and the others counted: no body makes an answer much larger than itself."""
        unknown = {f"{number}": 1 for number in range(100)}
        response = await client.post("/login", json={"name": "ada", "password": "p", **unknown})

        body = assert_is_problem(response, 422, "validation_error")
        assert [entry["loc"] for entry in body["errors"]] == [["body", str(number)] for number in range(20)]
        assert body["detail"].endswith("; and 97 more")

    @pytest.mark.parametrize(
        "text", ["a\\u0000b", "\\ud800", "\\udc00x"], ids=["NUL", "high surrogate", "low surrogate"]
    )
    async def test_text_that_cannot_be_stored_is_422(self, client, text):
        """NUL and half surrogate pairs end at the door."""
        content = f'{{"name": "{text}", "password": "p"}}'
        response = await client.post("/login", content=content, headers={"content-type": "application/json"})

        body = assert_is_problem(response, 422, "validation_error")
        assert body["errors"][0]["loc"] == ["body", "name"]

    async def test_a_surrogate_in_a_field_name_is_422(self, client):
        """The answer to an unknown field with an undecodable name is decodable itself."""
        content = '{"name": "a", "password": "p", "\\ud800": 1}'
        response = await client.post("/login", content=content, headers={"content-type": "application/json"})

        assert_is_problem(response, 422, "validation_error")
        json.dumps(response.json(), ensure_ascii=False).encode()

    @pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
    async def test_a_number_that_is_none_is_422(self, client, number):
        """NaN is no JSON number, and no 500 either."""
        content = f'{{"name": {number}, "password": "p"}}'
        response = await client.post("/login", content=content, headers={"content-type": "application/json"})

        assert_is_problem(response, 422, "validation_error")

    @pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
    async def test_a_body_that_does_not_say_json_is_415(self, client, content_type):
        """A form post from a foreign page is not taken for JSON."""
        headers = {"content-type": content_type} if content_type else {}
        response = await client.post("/login", content=b'{"name": "a", "password": "p"}', headers=headers)

        assert_is_problem(response, 415, "unsupported_media_type")


class TestBodyLimit:
    async def test_refuses_by_the_declared_length(self, client):
        """A body that says that it is too large is refused unread, and the connection ends."""
        response = await client.post("/login", content=b"x" * 1001, headers={"content-type": "application/json"})

        assert_is_problem(response, 413, "body_too_large")
        assert response.headers["connection"] == "close"

    async def test_reads_no_length_behind_thousands_of_zeros(self, client):
        """A parser may take them, and they are more than Python reads as a number."""
        headers = {"content-type": "application/json", "content-length": "2".zfill(5000)}
        response = await client.post("/login", content=b"{}", headers=headers)

        assert_is_problem(response, 413, "body_too_large")

    async def test_counts_what_has_no_length(self, client):
        """A chunked body is counted while it comes."""

        async def chunks():
            for _ in range(20):
                yield b"x" * 100

        response = await client.post("/login", content=chunks(), headers={"content-type": "application/json"})

        assert_is_problem(response, 413, "body_too_large")

    async def test_refuses_a_body_behind_an_upgrade_offer(self, client):
        """The parser would never deliver it, and read it as the next request."""
        headers = {"content-type": "application/json", "connection": "Upgrade", "upgrade": "foo"}
        response = await client.post("/login", content=b'{"name": "a", "password": "p"}', headers=headers)

        assert_is_problem(response, 400, "bad_request")
        assert response.headers["connection"] == "close"

    async def test_lets_the_limit_itself_through(self, client):
        """1000 bytes are 1000 bytes."""
        content = b'{"name": "a", "password": "' + b"p" * 971 + b'"}'
        assert len(content) == 1000

        response = await client.post("/login", content=content, headers={"content-type": "application/json"})

        assert response.status_code == 200

    @pytest.mark.parametrize(("size", "status"), [(2000, 200), (2001, 413)])
    async def test_is_another_one_where_that_is_said(self, client, size, status):
        """A path that takes more takes that much."""
        content = b'{"name": "a", "password": "'.ljust(size - 2, b"p") + b'"}'

        response = await client.post("/roomy", content=content, headers={"content-type": "application/json"})

        assert response.status_code == status


class TestRequestIds:
    async def test_are_new_for_each_request(self, client):
        """Two requests never share an id."""
        first, second = await client.get("/busy"), await client.get("/busy")

        assert first.headers["x-request-id"] != second.headers["x-request-id"]

    async def test_are_kept_from_a_trusted_peer(self, client):
        """The gateway's id joins the lines of all processes."""
        response = await client.get("/busy", headers={"x-request-id": "gateway-made-this-1"})

        assert response.headers["x-request-id"] == "gateway-made-this-1"

    @pytest.mark.parametrize("forged", ["short", "x" * 65, "line\tbreak-line", "ümlaut-ümlaut"])
    async def test_are_replaced_when_odd(self, client, forged):
        """What could break a log line is no id."""
        response = await client.get("/busy", headers={"x-request-id": forged.encode()})

        assert response.headers["x-request-id"] != forged
