"""Hostile input is refused with a reason, and never breaks anything."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.auth_service.running import PASSWORD, assert_problem, new_address

JSON = {"Content-Type": "application/json"}
POSTS = ["/auth/register", "/auth/login", "/auth/refresh", "/auth/logout"]
PASSWORDS = ["/auth/password/change", "/auth/password/forgot", "/auth/password/reset"]
LINKS = ["/auth/email/verify", "/auth/email/resend"]


class TestABody:
    @pytest.mark.parametrize("path", POSTS + PASSWORDS + LINKS)
    @pytest.mark.parametrize(
        "body", [b"{", b"\xff\xfe", b"[" * 15_000, b'{"email": "a', b'{"a": 1}{}', b"'a'"], ids=lambda body: body[:6]
    )
    async def test_that_is_no_json_is_refused(self, client, path, body):
        """400 whatever is wrong with it: its end, its encoding, or fifteen thousand brackets."""
        answer = await client.post(path, content=body, headers=JSON | {"X-Token-Delivery": "body"})

        assert_problem(answer, 400, "malformed_json")

    @pytest.mark.parametrize("path", POSTS + PASSWORDS + LINKS)
    async def test_of_a_megabyte_is_refused(self, client, path):
        """Bodies end at 16 KiB, declared or counted."""
        large = b'{"password": "' + b"x" * 1_048_576 + b'"}'

        async def chunks():
            for start in range(0, len(large), 65_536):
                yield large[start : start + 65_536]

        assert_problem(await client.post(path, content=large, headers=JSON), 413, "body_too_large")
        assert_problem(await client.post(path, content=chunks(), headers=JSON), 413, "body_too_large")

    @pytest.mark.parametrize("path", POSTS[:2])
    @pytest.mark.parametrize("value", ["NaN", "1e999", '"a\\u0000b"', '"\\ud800"', "[]", "{}", "true", "-1", "null"])
    @pytest.mark.parametrize("field", ["email", "password"])
    async def test_with_an_odd_value_is_refused(self, client, path, field, value):
        """422 names the field, and the answer itself is readable by anybody."""
        given_ = {"email": f'"{new_address()}"', "password": f'"{PASSWORD}"'} | {field: value}
        body = ", ".join(f'"{name}": {text}' for name, text in given_.items())

        answer = await client.post(path, content=f"{{{body}}}".encode(), headers=JSON)

        errors = assert_problem(answer, 422, "validation_error")["errors"]
        assert [entry["loc"][-1] for entry in errors] == [field]
        assert PASSWORD not in answer.text


class TestAnAddressOfTheService:
    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "/auth/login", 405, "method_not_allowed"),
            ("DELETE", "/auth/me", 405, "method_not_allowed"),
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
    @pytest.mark.parametrize("path", POSTS + PASSWORDS + LINKS)
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
