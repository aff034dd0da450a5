"""Logging in through the gateway, by somebody who would rather be many."""

import json
import math
import time
from collections import Counter

import pytest

from tests.attacks.presenting import Place, answers_to

LOGINS, A_MINUTE = 1_000, 20
NAMES = (
    *("X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-IP"),
    *("Fastly-Client-IP", "X-Original-Forwarded-For", "Forwarded", "Via"),
)
SPELLINGS = (
    *("/auth/login/", "//auth/login", "/auth//login", "/auth/./login", "/auth/x/../login", "/AUTH/LOGIN"),
    *("/auth/login;x=1", "/auth/login%2f", "/auth/%6cogin", "/auth/login%00", "/auth/login?x=1", "/auth/login#x"),
    *("http://localhost/auth/login", "/auth\\login", "/auth/login.json", "/./auth/login", "/%61uth/login"),
)


def login(place: Place, number: int, path: str = "/auth/login") -> bytes:
    """Return a login to an account of its own, from as many addresses as there are numbers."""
    address = f"10.{number // 62_500}.{number // 250 % 250}.{number % 250}"
    named = [f"{name}: {f'for={address}' if name == 'Forwarded' else address}" for name in NAMES]
    body = json.dumps({"email": f"nobody-{number}@example.com", "password": "a guess of somebody"})
    lines = (*named, f"X-Forwarded-For: {address}, {address}", "Content-Type: application/json")
    head = "\r\n".join((f"POST {path} HTTP/1.1", f"Host: localhost:{place.port}", *lines))
    return f"{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@pytest.fixture
def place(target):
    """The gateway, in front of the auth-service."""
    return target.places["gateway to the auth-service"]


class TestOneClient:
    async def test_is_one_whatever_it_says(self, place):
        """A thousand logins that name a thousand addresses are tried as often as those of one."""
        begun = time.monotonic()

        answers = await answers_to(place, [login(place, number) for number in range(LOGINS)])

        said = Counter(answer.status for answer in answers)
        assert set(said) == {401, 429}
        assert said[401] <= A_MINUTE * (1 + math.ceil((time.monotonic() - begun) / 60))
        refused = [answer for answer in answers if answer.status == 429]
        assert {answer.code for answer in refused} == {"rate_limited"}
        assert all(1 <= int(answer.one("retry-after") or 0) <= 60 for answer in refused)

    @pytest.mark.parametrize("path", SPELLINGS)
    async def test_is_one_whatever_it_asks_for(self, place, path):
        """No spelling of the address is another address, so none has logins of its own."""
        answers = await answers_to(place, [login(place, LOGINS + number, path) for number in range(2 * A_MINUTE)])

        said = Counter(answer.status for answer in answers)
        assert set(said) <= {400, 401, 404, 429}
        assert said[401] <= A_MINUTE
        assert 401 not in said or said[429] >= 1
