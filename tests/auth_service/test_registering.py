"""POST /auth/register"""

import asyncio

import pytest

from tests.auth_service.running import PASSWORD, Device, assert_problem, cookie_in, new_address


def registration(**changed):
    return {"email": new_address(), "password": PASSWORD} | changed


class TestRegistering:
    async def test_opens_a_session(self, client):
        """A new account is signed in at once: the answer has its access token."""
        answer = await client.post("/auth/register", json=registration(name="Ada"))

        body = answer.json()
        assert answer.status_code == 201
        assert answer.headers["cache-control"] == "no-store"
        assert (body["token_type"], body["scope"]) == ("Bearer", "todos:read todos:write")
        assert 570 <= body["expires_in"] <= 600
        assert (body["user"]["name"], body["user"]["email_verified"]) == ("Ada", False)
        me = await client.get("/auth/me", headers={"Authorization": f"Bearer {body['access_token']}"})
        assert me.json()["id"] == body["user"]["id"]

    async def test_gives_browsers_a_cookie(self, client):
        """The refresh token is where no script can read it, and nowhere else."""
        answer = await client.post("/auth/register", json=registration())

        value, *flags = answer.headers.get_list("set-cookie")[0].split("; ")
        assert value.startswith("todo_rt=rt1.")
        assert flags == ["Max-Age=1209600", "Path=/", "HttpOnly", "SameSite=Strict"]
        assert "refresh_token" not in answer.json()

    async def test_gives_apps_the_token_itself(self, client):
        """With `X-Token-Delivery: body` the refresh token is in the answer, and there is no cookie."""
        answer = await client.post("/auth/register", json=registration(), headers={"X-Token-Delivery": "body"})

        assert answer.json()["refresh_token"].startswith("rt1.")
        assert "set-cookie" not in answer.headers

    async def test_answers_with_a_trailing_slash(self, client):
        """Both spellings of the address work, without a redirect."""
        answer = await client.post("/auth/register/", json=registration())

        assert answer.status_code == 201

    @pytest.mark.parametrize("again", ["{}", "Ada.{}", "ADA.{}"])
    async def test_takes_an_address_once(self, client, again):
        """An address has one account, however its case is written."""
        address = f"Ada.{new_address()}"
        await client.post("/auth/register", json=registration(email=address))

        other = again.format(address.removeprefix("Ada.")) if again != "{}" else address
        answer = await client.post("/auth/register", json=registration(email=other))

        assert_problem(answer, 409, "email_taken")
        assert cookie_in(answer) is None

    async def test_takes_a_domain_in_both_its_alphabets(self, service):
        """A domain of other scripts is stored as mail servers write it."""
        device = await service.register(email=f"ada-{new_address().split('@')[0]}@bücher.example")

        assert device.email.endswith("@xn--bcher-kva.example")

    async def test_has_one_winner(self, service, client):
        """Of ten who register an address at once, one gets it."""
        address = new_address()

        answers = await asyncio.gather(
            *(client.post("/auth/register", json=registration(email=address)) for _ in range(10))
        )

        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
        assert await service.sql("SELECT count(*) FROM users WHERE email_norm = :norm", norm=address) == [(1,)]

    async def test_leaves_nothing_readable(self, service, ada):
        """Neither the password nor the refresh token stands in any table."""
        tables = ("users", "credentials", "sessions", "refresh_tokens", "signing_keys")
        dump = str([await service.sql(f"SELECT t::text FROM {table} t") for table in tables])

        assert PASSWORD not in dump
        assert ada.refresh_token not in dump
        assert ada.refresh_token.encode().hex() not in dump
        assert "$argon2id$v=19$m=19456,t=2,p=1$" in dump


class TestChoosingAPassword:
    @pytest.mark.parametrize(
        ("password", "reason"),
        [("", "too_short"), ("a" * 7, "too_short"), ("a" * 257, "too_long"), ("a\u0308" * 7, "too_short")],
    )
    async def test_refuses_by_length(self, client, password, reason):
        """Length is counted in composed code points, from 8 to 256; the answer says which end was missed."""
        answer = await client.post("/auth/register", json=registration(password=password))

        assert assert_problem(answer, 422, "weak_password")["reason"] == reason

    @pytest.mark.parametrize(
        "password", ["🐎🐢🦉🐝🦊🐙🐳🦆", "a\u0308o\u0308u\u0308e\u0301" + "u\u0301" * 252, " " * 6 + "horse" * 50]
    )
    async def test_takes_any_characters(self, client, password):
        """Anything of 8 to 256 characters is a password, spaces and emoji too."""
        answer = await client.post("/auth/register", json=registration(password=password))

        assert answer.status_code == 201

    async def test_counts_every_character(self, client):
        """A difference in character 200 matters: nothing is cut off."""
        address, long = new_address(), ("battery " * 25)[:199]
        await client.post("/auth/register", json=registration(email=address, password=long + "a"))

        wrong = await Device(client).login(address, password=long + "b")
        right = await Device(client).login(address, password=long + "a")

        assert_problem(wrong, 401, "invalid_credentials")
        assert right.status_code == 200

    async def test_is_spelled_as_keyboards_differ(self, client):
        """A password typed composed on one system opens when it comes decomposed from another."""
        address = new_address()
        await client.post("/auth/register", json=registration(email=address, password="Müllerstraße"))

        answer = await Device(client).login(address, password="Mu\u0308llerstraße")

        assert answer.status_code == 200


class TestFieldsOfARegistration:
    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"email": "ada"}, "email"),
            ({"email": "ada@localhost"}, "email"),
            ({"email": "ada@example.com\r\nBcc: eve@example.com"}, "email"),
            ({"email": "Ada <ada@example.com>"}, "email"),
            ({"email": "ädä@example.com"}, "email"),
            ({"email": f"{'a' * 250}@example.com"}, "email"),
            ({"email": None}, "email"),
            ({"password": 12345678}, "password"),
            ({"password": None}, "password"),
            ({"name": ""}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"name": "a\x00b"}, "name"),
            ({"status": "active"}, "status"),
            ({"email_verified": True}, "email_verified"),
            ({"next": "//evil.example"}, "next"),
        ],
    )
    async def test_are_checked(self, client, changed, field):
        """A wrong or unknown field is named, and no value is repeated."""
        answer = await client.post("/auth/register", json=registration(**changed))

        errors = assert_problem(answer, 422, "validation_error")["errors"]
        assert [entry["loc"][-1] for entry in errors] == [field]
        assert all(set(entry) == {"loc", "type", "msg"} for entry in errors)
        assert PASSWORD not in answer.text
