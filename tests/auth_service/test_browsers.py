"""What browsers may send, and which cookies they get."""

import pytest
from fastapi import Response

from auth_service.browser import RefreshCookie
from tests.auth_service.running import Device, assert_problem, new_address, settings_for

OURS = {"Origin": "http://localhost:3000"}


class TestAPageOfAnotherSite:
    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost:3000.evil.example"},
            {"Origin": "https://localhost:3000"},
            {"Origin": "http://localhost:3001"},
            {"Origin": "http://LOCALHOST:3000"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"},
        ],
    )
    @pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout", "/auth/login", "/auth/register"])
    async def test_is_refused(self, client, ada, path, headers):
        """It can make the browser send the cookie, but nothing happens, and the session goes on."""
        body = {"email": new_address(), "password": "correct horse battery"} if path[6:7] in "lr" else None
        body = None if path in {"/auth/refresh", "/auth/logout"} else body
        answer = await client.post(path, json=body, headers=headers | {"Cookie": f"todo_rt={ada.refresh_token}"})

        assert_problem(answer, 403, "csrf")
        assert "set-cookie" not in answer.headers
        assert (await ada.me()).status_code == 200

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "x"])
    @pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout", "/auth/login", "/auth/register"])
    async def test_cannot_send_a_form(self, client, path, kind):
        """What a form can send without asking first is no JSON, and is refused."""
        answer = await client.post(path, content=b"{}", headers={"Content-Type": kind})

        assert_problem(answer, 415, "unsupported_media_type")

    async def test_cannot_leave_the_type_out(self, client):
        """A body has to say that it is JSON."""
        assert_problem(await client.post("/auth/logout", content=b"{}"), 415, "unsupported_media_type")

    async def test_cannot_say_two_origins(self, client):
        """Of two origins one may be ours; the request is refused."""
        headers = [("Origin", "http://localhost:3000"), ("Origin", "http://evil.example")]

        assert_problem(await client.post("/auth/refresh", headers=headers), 403, "csrf")


class TestAPageOfOurs:
    @pytest.mark.parametrize(
        "headers",
        [
            OURS,
            OURS | {"Sec-Fetch-Site": "same-site"},
            {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "cross-site"},
            {"Origin": "http://localhost:8080"},
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
            {"Content-Type": "application/json; charset=utf-8", **OURS},
            {},
        ],
    )
    async def test_may_refresh(self, client, ada, headers):
        """A listed origin, our own, or no page at all."""
        answer = await client.post("/auth/refresh", headers=headers | {"Cookie": f"todo_rt={ada.refresh_token}"})

        assert answer.status_code == 200


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
