"""Texts that want to be something else: lines of a log, or parts of a statement."""

import json
from urllib.parse import quote

import pytest

from tests.attacks.presenting import answers_to

FORGED = '{"event": "forged", "level": "info"}'
TEXTS = (
    f"\n{FORGED}\n",
    f"\r\n{FORGED}",
    f'"}}\n{FORGED}',
    f'", "event": "forged", "x": "{FORGED}',
    f"\x85{FORGED}",
    f"\u2028{FORGED}\u2029",
    "\x1b[2J\x1b[31mforged",
    "%s %d {0} {event} %(event)s ${jndi:ldap://127.0.0.1/x}",
    "' OR '1'='1' --",
    "'; DROP TABLE users; --",
    "\\'; SELECT pg_sleep(60); --",
    "$$); DELETE FROM sessions; --",
)
HEADERS = (
    "User-Agent",
    "X-Request-Id",
    "traceparent",
    "Referer",
    "X-Forwarded-For",
    "Accept-Language",
    "X-Token-Delivery",
)


@pytest.fixture(params=["todo-service", "auth-service", "gateway to the todo-service", "gateway to the auth-service"])
def place(request, target):
    """Each service, and the gateway in front of it."""
    return target.places[request.param]


def in_headers(place, token, text):
    """Requests with the text in a header, as far as a header can have it: without line ends, which would end it."""
    value = text.replace("\r", "").replace("\n", "").encode("utf-8")
    for name in HEADERS:
        head = f"GET {place.path} HTTP/1.1\r\nHost: localhost:{place.port}\r\nAuthorization: Bearer {token}\r\n{name}: "
        yield head.encode() + value + b"\r\n\r\n"


def in_addresses(place, token, text):
    """Requests with the text in the path and in the query."""
    for path in (f"{place.path}/{quote(text, safe='')}", f"{place.path}?search={quote(text, safe='')}"):
        lines = (f"GET {path} HTTP/1.1", f"Host: localhost:{place.port}", f"Authorization: Bearer {token}")
        yield "\r\n".join((*lines, "", "")).encode()


def in_bodies(place, text):
    """Logins with the text as address, password and member."""
    for body in ({"email": text, "password": text}, {"email": f"{text}@example.com", "password": "x"}, {text: text}):
        content = json.dumps(body).encode()
        lines = ("POST /auth/login HTTP/1.1", f"Host: localhost:{place.port}", "Content-Type: application/json")
        yield "\r\n".join((*lines, f"Content-Length: {len(content)}", "", "")).encode() + content


class TestAText:
    async def test_stays_a_text(self, target, place):
        """Wherever it is sent nothing fails, nobody waits, and each line of a log is one that we have written."""
        token = target.kinds["own by ES256"].token()
        requests = [
            raw
            for text in TEXTS
            for raw in (*in_headers(place, token, text), *in_addresses(place, token, text), *in_bodies(place, text))
        ]

        answers = await answers_to(place, requests)

        assert {answer.status for answer in answers} <= {200, 400, 401, 404, 405, 415, 422, 429}
        for name in target.running.processes:
            lines = [json.loads(line) for line in target.running.output(name).split("\n") if line]
            assert not [line for line in lines if "forged" in (line["event"], line["level"])]
            assert all(line["event"] and "\x1b" not in json.dumps(line) for line in lines)
