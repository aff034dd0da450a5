"""The service as tests use it: one app over ASGI with a database of its own, and devices that sign in to it."""

import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from http.cookies import SimpleCookie
from itertools import count

import httpx
from fastapi import FastAPI
from sqlalchemy import text

from auth_service.main import create_app
from auth_service.settings import AuthSettings

PUBLIC_URL = "http://localhost:8080"
PASSWORD = "correct horse battery staple"
AUTH_SECRET = "of the auth-service alone, 32 bytes or more"
SHARED_SECRET = "shared with a Better Auth frontend, 32 bytes or more"

NO_REDIS = "redis://127.0.0.1:1/0"
"""Where nobody listens."""

_people = count(1)


def settings_for(database_url: str, **changed: object) -> AuthSettings:
    """Return settings as `make up` gives them, apart from what is `changed`."""
    given: dict[str, object] = {
        "environment": "development",
        "public_url": PUBLIC_URL,
        "allowed_origins": "http://localhost:3000,http://127.0.0.1:3000",
        "database_url": database_url,
        "redis_url": NO_REDIS,
        "throttle_factor": 100_000,
        "auth_secret": AUTH_SECRET,
        "better_auth_secret": SHARED_SECRET,
        "admin_port": 0,
        "log_level": "error",
    }
    return AuthSettings(**(given | changed))


@dataclass
class Service:
    """A running app, its database, and a client without memory."""

    app: FastAPI
    client: httpx.AsyncClient
    settings: AuthSettings

    async def sql(self, statement: str, **values: object) -> list[tuple[object, ...]]:
        """Run a statement beside the service, and return its rows if it has some."""
        async with self.app.state.database.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    async def register(self, **changed: object) -> "Device":
        """Return the device on which somebody new has just registered."""
        device = Device(self.client, delivery=str(changed.pop("delivery", "cookie")))
        body = {"email": new_address(), "password": PASSWORD} | changed
        answer = await device.post("/auth/register", body)
        assert answer.status_code == 201, answer.text
        return device


def new_address() -> str:
    """Return an address that nobody has."""
    return f"person-{next(_people)}@example.com"


def _forgetful() -> CookieJar:
    """Return a jar that keeps nothing: which cookie is sent, each test says."""
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


@asynccontextmanager
async def serving(settings: AuthSettings) -> AsyncIterator[Service]:
    """Run the app with `settings`."""
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, cookies=_forgetful()) as client,
    ):
        yield Service(app, client, settings)


@dataclass
class Device:
    """A browser (`delivery="cookie"`) or an app (`"body"`): it keeps the tokens that it was given last."""

    client: httpx.AsyncClient
    delivery: str = "cookie"
    refresh_token: str | None = None
    answer: dict[str, object] = field(default_factory=dict)

    @property
    def bearer(self) -> dict[str, str]:
        """The header with the access token."""
        return {"Authorization": f"Bearer {self.answer['access_token']}"}

    @property
    def claims(self) -> dict[str, object]:
        """What the access token says."""
        return json.loads(urlsafe_b64decode(str(self.answer["access_token"]).split(".")[1] + "=="))

    @property
    def email(self) -> str:
        """The address of whoever is signed in."""
        return self.answer["user"]["email"]

    async def post(self, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        """Send what this device sends, and keep the tokens of an answer that has some."""
        headers = {"X-Token-Delivery": "body"} if self.delivery == "body" else {}
        answer = await self.client.post(path, json=body, headers=headers)
        self.keep(answer)
        return answer

    def keep(self, answer: httpx.Response) -> None:
        """Keep the tokens of `answer`, if it has some."""
        if answer.is_success and answer.content:
            self.answer = answer.json()
            self.refresh_token = self.answer.get("refresh_token") or cookie_in(answer)

    async def login(self, email: str, **changed: object) -> httpx.Response:
        """Log in with the usual password."""
        return await self.post("/auth/login", {"email": email, "password": PASSWORD} | changed)

    async def present(self, token: str | None = None) -> httpx.Response:
        """Ask for new tokens with `token`, else with the one in hand, and keep none."""
        return await self.send_token("/auth/refresh", token or self.refresh_token)

    async def refresh(self) -> httpx.Response:
        """Ask for new tokens, and keep them."""
        answer = await self.present()
        self.keep(answer)
        return answer

    async def send_token(self, path: str, token: str | None) -> httpx.Response:
        """Post a refresh token in the way of this device."""
        if self.delivery == "body":
            return await self.client.post(path, json={"refresh_token": token}, headers={"X-Token-Delivery": "body"})
        return await self.client.post(path, headers={"Cookie": f"todo_rt={token}"})

    async def me(self) -> httpx.Response:
        """Read the account that is signed in."""
        return await self.client.get("/auth/me", headers=self.bearer)

    async def is_signed_in(self) -> bool:
        """Whether the access token still finds an open session."""
        return (await self.me()).status_code == 200


def cookie_in(answer: httpx.Response, name: str = "todo_rt") -> str | None:
    """Return what `answer` stores in the refresh token's cookie, or in another one."""
    found = [SimpleCookie(line) for line in answer.headers.get_list("set-cookie")]
    return next((cookies[name].value for cookies in found if name in cookies), None)


def token_in(answer: httpx.Response) -> str | None:
    """Return the refresh token of an answer, whichever way it came."""
    return answer.json().get("refresh_token") or cookie_in(answer)


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, object]:
    """Check that `answer` is this problem, kept out of caches, and return its body."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    return answer.json()
