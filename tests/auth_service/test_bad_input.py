"""Hostile input is refused with a reason, and never breaks anything."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.auth_service.running import assert_problem

JSON = {"Content-Type": "application/json"}
POSTS = ["/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"]
PASSWORDS = ["/auth/password/change", "/auth/password/forgot", "/auth/password/reset"]
LINKS = ["/auth/email/verify", "/auth/email/resend"]
ADDRESSES = ["/auth/email/change", "/auth/email/change/confirm"]


class TestAnAddressOfTheService:
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/auth/login", 405, "method_not_allowed"),
            ("PUT", "/auth/me", 405, "method_not_allowed"),
            ("POST", "/.well-known/jwks.json", 405, "method_not_allowed"),
            ("GET", "/auth", 404, "not_found"),
            ("GET", "/auth/me//", 404, "not_found"),
            ("GET", "/docs", 404, "not_found"),
            ("GET", "/auth/\x00", 404, "not_found"),
        ],
    )
    async def test_is_exact(self, client, method, path, status, code):
        """What is not there is 404, what is there and asked otherwise is 405."""
        assert_problem(await client.request(method, path.replace("\x00", "%00")), status, code)

    @pytest.mark.parametrize("path", ["/health", "/livez", "/readyz", "/.well-known/jwks.json", "/openapi.json"])
    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_has_two_spellings(self, client, path, slash):
        """With and without a trailing slash, and never a redirect."""
        assert (await client.get(path + slash)).status_code == 200


class TestAnything:
    @pytest.mark.parametrize("path", POSTS + PASSWORDS + LINKS + ADDRESSES)
    @given(
        body=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5)
        | st.dictionaries(
            st.sampled_from(
                ["email", "password", "name", "remember", "refresh_token", "token", "new_password", "current_password"]
            ),
            st.none() | st.booleans() | st.floats() | st.text(st.characters(), max_size=40) | st.lists(st.integers()),
        )
    )
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_is_answered(self, client, path, body):
        """No body makes the service fail."""
        answer = await client.post(path, content=json.dumps(body).encode(), headers=JSON)

        assert answer.status_code < 500, answer.text

    @given(value=st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=60))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @pytest.mark.parametrize(
        "name", ["Authorization", "Cookie", "Origin", "Content-Type", "User-Agent", "X-Token-Delivery"]
    )
    async def test_in_a_header_is_answered(self, client, name, value):
        """No header makes the service fail."""
        body = json.dumps({"email": "nobody@example.com", "password": "x"}) if name == "User-Agent" else ""
        headers = [(name, value.encode("latin-1"))] + ([("Content-Type", "application/json")] if body else [])
        path = "/auth/login" if body else "/auth/logout"

        answer = await client.post(path, content=body.encode(), headers=headers)

        assert answer.status_code < 500, answer.text
