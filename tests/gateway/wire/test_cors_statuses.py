"""A page of a listed origin can read every answer that there is, whatever its status and whoever made it."""

import json
from collections.abc import Callable

import pytest

from tests.gateway.peers import Message, Script, Upstream, Wire, get, post, says
from tests.gateway.process import Gateway
from tests.gateway.scripts import hangs_up
from tests.gateway.wire.unreadable import NEVER_READ_WHOLE

APP = "Origin: http://app.test"
STALLING = "Content-Length: 9"
LARGE = f"Content-Length: {1 << 30}"

OWN: dict[str, tuple[int, Callable[[], str]]] = {
    "no route": (404, lambda: get("/nowhere", APP)),
    "no method": (405, lambda: get("/read", APP, method="DELETE")),
    "own no method": (405, lambda: get("/health", APP, method="DELETE")),
    "bad target": (400, lambda: get("/todos//x", APP)),
    "bad header": (400, lambda: get("/todos", APP, "Connection: authorization")),
    "bad host": (400, lambda: f"GET /todos HTTP/1.1\r\nHost: a b\r\n{APP}\r\n\r\n"),
    "body that stalls": (408, lambda: get("/todos", APP, STALLING, method="POST") + "{}"),
    "too large": (413, lambda: post("/dead", "x" * 2000, APP)),
    "declared too large": (413, lambda: get("/todos", APP, LARGE, method="POST")),
    "expectation": (417, lambda: get("/todos", APP, "Expect: miracles")),
    "host of others": (421, lambda: f"GET /todos HTTP/1.1\r\nHost: evil.test\r\n{APP}\r\n\r\n"),
    "coding": (501, lambda: get("/todos", APP, "Transfer-Encoding: gzip, chunked", method="POST")),
    "unreachable": (502, lambda: get("/dead", APP)),
    "connect timeout": (504, lambda: get("/hole", APP)),
    "loop": (508, lambda: get("/todos", APP, "Via: 1 gateway, 1 gateway")),
    "missing asset": (404, lambda: get("/docs/assets/none", APP)),
}


async def never(*_: object) -> None:
    """Say nothing."""


UPSTREAMS: dict[str, tuple[int, str, Script]] = {
    "broken off": (502, "upstream_reset", hangs_up),
    "unreadable": (502, "upstream_protocol", says("HTTP/1.1 abc\r\n\r\n")),
    "no such status": (502, "upstream_protocol", says("HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n")),
    "stalls": (504, "upstream_timeout", never),
}


def assert_readable(answer: Message) -> None:
    assert answer.one("access-control-allow-origin") == "http://app.test"
    assert answer.one("access-control-allow-credentials") == "true"
    assert "x-request-id" in (answer.one("access-control-expose-headers") or "")
    assert "Origin" in (answer.one("vary") or "")


class TestReadable:
    @pytest.mark.parametrize("name", OWN)
    async def test_cors_every_status_of_the_gateway(self, gateway: Gateway, hasty: Gateway, name: str) -> None:
        """The gateway's own refusals are problems with an id, a cause and the CORS fields."""
        status, request = OWN[name]

        answer = await (hasty if "stalls" in name else gateway).ask_a_bad_one(request())

        assert answer.status == status
        assert_readable(answer)
        problem = json.loads(answer.body)
        assert answer.one("content-type") == "application/problem+json"
        assert problem["status"] == status
        assert problem["request_id"] == answer.one("x-request-id")
        assert answer.one("cache-control") == "no-store"

    @pytest.mark.parametrize("name", UPSTREAMS)
    async def test_cors_every_status_for_a_service(
        self, gateway: Gateway, hasty: Gateway, upstream: Upstream, name: str
    ) -> None:
        """So are those that say what is wrong with a service."""
        status, code, upstream.script = UPSTREAMS[name]

        answer = await (hasty if name == "stalls" else gateway).ask(get("/todos", APP))

        assert (answer.status, answer.code) == (status, code)
        assert_readable(answer)

    async def test_cors_every_status_of_a_service(self, gateway: Gateway, upstream: Upstream) -> None:
        """All that a service can answer passes with them, and as it is."""
        async with Wire.to(gateway.port) as wire:
            for status in range(200, 600):
                length, body = ("", "") if status in {204, 304} else ("Content-Length: 2\r\n", "{}")
                upstream.script = says(f"HTTP/1.1 {status} X\r\n{length}\r\n{body}")

                answer = await wire.answer(get("/todos", APP))

                assert (answer.status, answer.body) == (status, body.encode())
                assert_readable(answer)
                assert answer.one("proxy-status") is None


class TestUnreadable:
    @pytest.mark.parametrize("name", NEVER_READ_WHOLE)
    async def test_cors_not_for_what_was_never_read(self, gateway: Gateway, hasty: Gateway, name: str) -> None:
        """What was not read to its end has no origin either: a problem with an id, and no CORS fields.

        A page gets there by too long a head alone, and then cannot tell the answer from a network that is gone.
        """
        status, _, request = NEVER_READ_WHOLE[name]

        answer = await (hasty if "stalls" in name else gateway).ask_a_bad_one(request(APP))

        assert answer.status == status
        assert json.loads(answer.body)["request_id"] == answer.one("x-request-id")
        assert [field for field, _ in answer.fields if field.startswith("access-control-")] == []
