"""Forms as OAuth clients send them, and what their answers must have."""

import re
from base64 import b64encode
from dataclasses import dataclass

import httpx

from tests.auth_service.running import Device

APP = "todo-native"
PEER, SECRET = "reports-service", "a secret of the tests, which has spaces & signs: +/=%"
UNKNOWN = "rt1." + "A" * 43


@dataclass
class Peer:
    """A service that asks about tokens."""

    client: httpx.AsyncClient

    async def ask(self, token: str, **headers: str) -> httpx.Response:
        """Ask about a token, with the right credentials unless `headers` have others."""
        given = {"Authorization": basic(PEER, SECRET)} | headers
        return await self.client.post("/oauth/introspect", data={"token": token}, headers=given)

    async def finds(self, token: str) -> dict[str, object]:
        """What it is told about a token."""
        answer = await self.ask(token)
        assert answer.status_code == 200, answer.text
        assert_uncached(answer)
        return answer.json()


def basic(name: str, secret: str) -> str:
    """Return what to send as `Authorization`."""
    return f"Basic {b64encode(f'{name}:{secret}'.encode()).decode()}"


async def exchange(device: Device, token: str | None = None, **changed: str | None) -> httpx.Response:
    """Ask for new tokens as an OAuth client, with the token in hand unless another is given, and keep none."""
    form = {"grant_type": "refresh_token", "client_id": APP, "refresh_token": token or device.refresh_token} | changed
    return await device.client.post("/oauth/token", data={name: value for name, value in form.items() if value})


async def renew(device: Device, **changed: str) -> dict[str, object]:
    """Ask for new tokens, and keep them."""
    answer = await exchange(device, **changed)
    assert answer.status_code == 200, answer.text
    device.answer |= answer.json()
    device.refresh_token = answer.json()["refresh_token"]
    return answer.json()


def assert_refused(answer: httpx.Response, status: int, error: str) -> str:
    """Check that `answer` is this error as RFC 6749 section 5.2 wants it, and return its description."""
    assert (answer.status_code, answer.json().get("error")) == (status, error), answer.text
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", answer.json()["error_description"])
    assert_uncached(answer)
    assert answer.headers.get("www-authenticate") == ('Basic realm="oauth"' if status == 401 else None)
    return answer.json()["error_description"]


def assert_uncached(answer: httpx.Response) -> None:
    """Check that no cache keeps `answer` (RFC 6749 section 5.1)."""
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
