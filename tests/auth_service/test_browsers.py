"""What browsers may send, and which cookies they get."""

from uuid import uuid4

import pytest
from fastapi import Response

from auth_service.browser import RefreshCookie
from tests.auth_service.running import PASSWORD, Device, assert_problem, cookie_in, new_address, settings_for

SITES = {
    (): True,
    (("Origin", "http://localhost:3000"),): True,
    (("Origin", "http://localhost:3000"), ("Sec-Fetch-Site", "same-site")): True,
    (("Origin", "http://127.0.0.1:3000"), ("Sec-Fetch-Site", "cross-site")): True,
    (("Origin", "http://localhost:8080"),): True,
    (("Sec-Fetch-Site", "same-origin"),): True,
    (("Sec-Fetch-Site", "none"),): True,
    (("Sec-Fetch-Site", "cross-site"),): False,
    (("Sec-Fetch-Site", "same-site"),): False,
    (("Sec-Fetch-Site", "SAME-ORIGIN"),): False,
    (("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site")): False,
    (("Origin", ""),): False,
    (("Origin", "null"),): False,
    (("Origin", "null"), ("Sec-Fetch-Site", "same-origin")): False,
    (("Origin", "http://evil.example"),): False,
    (("Origin", "http://evil.example"), ("Sec-Fetch-Site", "same-origin")): False,
    (("Origin", "http://evil.example"), ("Sec-Fetch-Site", "none")): False,
    (("Origin", "http://localhost:3000.evil.example"),): False,
    (("Origin", "http://evil.example/http://localhost:3000"),): False,
    (("Origin", "https://localhost:3000"),): False,
    (("Origin", "http://localhost:3001"),): False,
    (("Origin", "http://localhost"),): False,
    (("Origin", "http://LOCALHOST:3000"),): False,
    (("Origin", "http://localhost:3000, http://evil.example"),): False,
    (("Origin", "http://localhost:3000"), ("Origin", "http://evil.example")): False,
}
"""What a browser says of where a request comes from, and whether that may use the cookie."""

TYPES = {
    "application/json": True,
    "application/json; charset=utf-8": True,
    "Application/JSON": True,
    "text/plain": False,
    "application/x-www-form-urlencoded": False,
    "multipart/form-data; boundary=x": False,
    "text/plain; application/json": False,
    "application/json, text/plain": False,
    "application/jsonp": False,
    "application/problem+json": False,
    "x": False,
}
"""How a body may be typed: a form, and a script that does not ask first, can send only those of the second half."""


@pytest.fixture(scope="session")
def operations(service):
    """`operations(whether)`: method and address of the operations whose description fulfils this."""

    def operations(whether):
        found = [
            (method.upper(), path, description)
            for path, operation in service.app.openapi()["paths"].items()
            for method, description in operation.items()
        ]
        return [(method, path.format(session_id=uuid4())) for method, path, given in found if whether(given)]

    return operations


@pytest.fixture(scope="session")
def with_cookies(operations):
    """The operations that set a cookie. None reads one that it does not set."""
    return operations(lambda given: "Set-Cookie" in str(given["responses"]))


@pytest.fixture(scope="session")
def with_tokens(operations):
    """The operations that demand an access token."""
    return operations(lambda given: given.get("security") == [{"HTTPBearer": []}])


class TestWhereARequestComesFrom:
    @pytest.mark.parametrize("headers", [headers for headers, is_ours in SITES.items() if not is_ours])
    async def test_must_not_be_another_site(self, client, ada, with_cookies, headers):
        """Its page can make the browser send the cookie, but nothing happens, and the session goes on."""
        cookie = ("Cookie", f"todo_rt={ada.refresh_token}")
        for method, path in with_cookies:
            answer = await client.request(method, path, json={}, headers=[*headers, cookie])

            assert_problem(answer, 403, "csrf")
            assert "set-cookie" not in answer.headers
        assert await ada.is_signed_in()
        assert (await ada.refresh()).status_code == 200

    @pytest.mark.parametrize("headers", [headers for headers, is_ours in SITES.items() if is_ours])
    async def test_may_be_ours(self, client, ada, with_cookies, headers):
        """A listed origin, our own, or no page at all."""
        answer = await client.post("/auth/refresh", headers=[*headers, ("Cookie", f"todo_rt={ada.refresh_token}")])

        assert answer.status_code == 200
        for method, path in with_cookies:
            assert (await client.request(method, path, json={}, headers=headers)).status_code != 403

    async def test_is_asked_wherever_a_cookie_is_used(self, with_cookies):
        """These operations at least."""
        known = {"/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"}
        assert {path for _, path in with_cookies} >= known

    async def test_makes_no_difference_to_tokens(self, client, ada, with_tokens):
        """What demands an access token, which no browser sends by itself, does nothing for a cookie."""
        assert len(with_tokens) >= 4
        for method, path in with_tokens:
            answer = await client.request(method, path, headers={"Cookie": f"todo_rt={ada.refresh_token}"})

            assert_problem(answer, 401, "missing_token")
            assert "set-cookie" not in answer.headers
        assert await ada.is_signed_in()


class TestTheTypeOfABody:
    @pytest.mark.parametrize(("kind", "is_taken"), TYPES.items())
    async def test_must_be_json(self, client, with_cookies, kind, is_taken):
        """What a form can send without asking first is no JSON, and is refused."""
        for method, path in with_cookies:
            answer = await client.request(method, path, content=b"{}", headers={"Content-Type": kind})

            assert (answer.status_code != 415) is is_taken, (path, answer.text)

    async def test_must_be_said(self, client, with_cookies):
        """A body without a type is refused."""
        for method, path in with_cookies:
            assert_problem(await client.request(method, path, content=b"{}"), 415, "unsupported_media_type")

    async def test_must_be_said_once(self, client):
        """Of two types one may be JSON; the request is refused."""
        headers = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]

        answer = await client.post("/auth/logout", content=b"{}", headers=headers)

        assert_problem(answer, 415, "unsupported_media_type")


class TestACookieThatSomebodyPlanted:
    async def test_is_not_the_session_of_the_next_login(self, service, client, ada):
        """Each login opens a session with a token of its own, and the planted one stays its planter's."""
        planter = await service.register()
        body = {"email": ada.email, "password": PASSWORD}

        answer = await client.post("/auth/login", json=body, headers={"Cookie": f"todo_rt={planter.refresh_token}"})

        assert answer.json()["session_id"] not in {planter.answer["session_id"], ada.answer["session_id"]}
        assert cookie_in(answer) != planter.refresh_token
        assert (await planter.refresh()).json()["user"]["email"] == planter.email


class TestTheCookie:
    @pytest.mark.parametrize(
        ("changed", "name", "flags"),
        [
            ({}, "todo_rt", "Path=/; HttpOnly; SameSite=Strict"),
            ({"cookie_samesite": "lax"}, "todo_rt", "Path=/; HttpOnly; SameSite=Lax"),
            ({"public_url": "https://todo.example"}, "__Host-todo_rt", "Path=/; HttpOnly; SameSite=Strict; Secure"),
            (
                {"public_url": "https://todo.example", "cookie_samesite": "none"},
                "__Host-todo_rt",
                "Path=/; HttpOnly; SameSite=None; Secure; Partitioned",
            ),
        ],
    )
    def test_is_as_strict_as_it_can_be(self, changed, name, flags):
        """By https it is `Secure` and bound to this host; by http browsers would drop such a one."""
        cookie, response = RefreshCookie(settings_for("postgresql://auth@/auth", **changed)), Response()

        cookie.set(response, "rt1.x", 60)

        assert response.headers["set-cookie"] == f"{name}=rt1.x; Max-Age=60; {flags}"

    async def test_works_behind_https(self, new_service):
        """The prefixed cookie signs in like the plain one."""
        service = await new_service(public_url="https://todo.example")
        answer = await service.client.post(
            "/auth/register", json={"email": new_address(), "password": "correct horse battery"}
        )
        cookie = answer.headers["set-cookie"].partition(";")[0]

        renewed = await service.client.post("/auth/refresh", headers={"Cookie": cookie})

        assert cookie.startswith("__Host-todo_rt=rt1.")
        assert renewed.status_code == 200
        assert (await Device(service.client).present(cookie.partition("=")[2])).status_code == 401
