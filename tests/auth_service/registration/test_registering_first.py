"""POST /auth/register where addresses are verified first"""

import asyncio
import json

import pytest

from auth_service.accounts.registration.schemas import Registration
from auth_service.accounts.registration.service import Registrar
from shared.database import transaction
from tests.auth_service.running import PASSWORD, assert_problem, cookie_in, new_address

JSON = {"Content-Type": "application/json"}
ODD_FIELDS = [
    ({"email": None}, "email"),
    ({"email": 7}, "email"),
    ({"email": "ada"}, "email"),
    ({"email": "ada@example.com\r\nBcc: eve@example.com"}, "email"),
    ({"email": "ada\x00@example.com"}, "email"),
    ({"email": "ada\ud800@example.com"}, "email"),
    ({"password": 12345678}, "password"),
    ({"password": "battery\x00staple"}, "password"),
    ({"password": "battery\udfff staple"}, "password"),
    ({"password": "x" * 15_000}, "password"),
    ({"name": "Ada\x00"}, "name"),
    ({"name": ["Ada"]}, "name"),
    ({"status": "active"}, "status"),
    ({"email_verified": True}, "email_verified"),
    ({"user_id": "1"}, "user_id"),
    ({"scope": "admin"}, "scope"),
    ({"next": "//evil.example"}, "next"),
]


class TestRegistering:
    async def test_makes_no_account_yet(self, service, newcomers):
        """The answer is the same for everybody, and what is stored waits for its link."""
        email = new_address()

        answer = await newcomers.ask(email)

        assert (answer.status_code, answer.json()) == (202, {"status": "verification_sent"})
        assert answer.headers["cache-control"] == "no-store"
        assert await newcomers.waiting(email) == 1
        assert await service.sql("SELECT count(*) FROM users WHERE email_norm = :email", email=email) == [(0,)]

    async def test_marks_the_browser(self, newcomers):
        """A cookie that no script can read lasts as long as the link; there is no refresh token yet."""
        answer = await newcomers.ask(new_address())

        (line,) = answer.headers.get_list("set-cookie")
        value, *flags = line.split("; ")
        assert len(value.removeprefix("todo_signup=")) == 43
        assert flags == ["Max-Age=86400", "Path=/", "HttpOnly", "SameSite=Strict"]

    async def test_marks_no_app(self, client):
        """An app has no cookies: it follows the link with the password."""
        body = {"email": new_address(), "password": PASSWORD}
        answer = await client.post("/auth/register", json=body, headers={"X-Token-Delivery": "body"})

        assert answer.status_code == 202
        assert "set-cookie" not in answer.headers

    async def test_never_uses_a_mark_again(self, client, newcomers):
        """A cookie that somebody has planted in the browser is bound to nothing."""
        planted = (await newcomers.sign_up()).cookie
        body = {"email": new_address(), "password": PASSWORD}

        answer = await client.post("/auth/register", json=body, headers={"Cookie": f"todo_signup={planted}"})

        assert cookie_in(answer, "todo_signup") not in {None, planted}

    async def test_asks_for_one_mail(self, service, newcomers):
        """The worker learns which registration it is and for which address, and nothing secret."""
        newcomer = await newcomers.sign_up()

        payload = {"registration_id": newcomer.registration_id, "email": newcomer.email}
        assert await service.sql(
            "SELECT stream, type, user_id, payload - 'context' FROM outbox WHERE payload->>'email' = :email",
            email=newcomer.email,
        ) == [("auth:mail", "sign_up", "", payload)]

    async def test_leaves_nothing_readable(self, service, newcomers):
        """Neither the password nor the link nor the browser's mark stands in any table."""
        newcomer = await newcomers.sign_up()

        tables = ("pending_registrations", "outbox", "audit_events")
        dump = str([await service.sql(f"SELECT t::text FROM {table} t") for table in tables])
        for secret in (PASSWORD, newcomer.token, newcomer.token[4:], newcomer.cookie):
            assert secret not in dump
            assert secret.encode().hex() not in dump

    @pytest.mark.parametrize(("changed", "field"), ODD_FIELDS)
    async def test_names_a_wrong_field(self, client, service, changed, field):
        """Fields are checked as everywhere, no value is repeated, and nothing is stored."""
        before = await service.sql("SELECT count(*) FROM pending_registrations")
        answer = await client.post(
            "/auth/register", content=json.dumps({"email": new_address(), "password": PASSWORD} | changed), headers=JSON
        )

        errors = assert_problem(answer, 422, "validation_error")["errors"]
        assert {entry["loc"][-1] for entry in errors} == {field}
        assert PASSWORD not in answer.text
        assert await service.sql("SELECT count(*) FROM pending_registrations") == before

    async def test_refuses_a_weak_password(self, newcomers):
        """Also for somebody who waits, and nothing is stored."""
        email = new_address()

        answer = await newcomers.ask(email, password="password1")

        assert assert_problem(answer, 422, "weak_password")["reason"] == "common"
        assert await newcomers.waiting(email) == 0

    async def test_is_refused_to_pages_of_other_sites(self, client):
        """A foreign page can neither register in this browser nor mark it."""
        body = {"email": new_address(), "password": PASSWORD}

        answer = await client.post("/auth/register", json=body, headers={"Origin": "http://evil.example"})

        assert_problem(answer, 403, "csrf")
        assert "set-cookie" not in answer.headers


class TestWhoAsksWhetherThereIsAnAccount:
    async def test_learns_nothing_from_register(self, service, newcomers, ada, cost_of):
        """Known, unknown, waiting, disabled: one answer, after one hash and the same statements; no user is read."""
        disabled = await newcomers.join()
        await service.sql("UPDATE users SET status = 'disabled' WHERE email = :email", email=disabled.email)
        waiting = await newcomers.sign_up()

        answers, costs = [], []
        for email in (ada.email, new_address(), waiting.email, disabled.email, ada.email.upper()):
            answer, cost = await cost_of(newcomers.ask(email))
            answers.append((answer.status_code, answer.content, _shape(answer)))
            costs.append(cost)

        assert len(set(answers)) == 1
        assert len(set(costs)) == 1
        hashes, statements = costs[0]
        assert hashes == 1
        assert len(statements) == 5
        assert not any("users" in statement for statement in statements)

    async def test_learns_nothing_from_the_limit(self, newcomers, ada, redis_url):
        """The fourth mail to an address in an hour is refused whether or not it has an account."""
        statuses = [
            [(await newcomers.ask(email)).status_code for _ in range(4)] for email in (ada.email, new_address())
        ]

        assert statuses == [[202, 202, 202, 429]] * 2


class TestRegisteringAgain:
    async def test_leaves_five_at_most(self, newcomers, valkey):
        """The newest stay: nobody can keep the owner of an address from registering it."""
        email, signed_up = new_address(), []
        for _ in range(7):
            valkey.ask("FLUSHALL")
            signed_up.append(await newcomers.sign_up(email))

        assert await newcomers.waiting(email) == 5
        assert_problem(
            await newcomers.verify(signed_up[1].token, cookie=signed_up[1].cookie), 400, "invalid_or_expired_token"
        )
        assert (await newcomers.verify(signed_up[2].token, cookie=signed_up[2].cookie)).status_code == 200

    async def test_leaves_five_of_many_at_once(self, service, newcomers, hash_with):
        """Also when thirty come in the same moment."""
        hash_with(memory_cost=8, time_cost=1, parallelism=1)
        state, email = service.app.state, new_address()

        async def register():
            async with transaction(state.database.sessions) as session:
                registrar = Registrar(session, state.hasher, state.one_time_tokens, verifies_first=True)
                await registrar.wait_for_link(Registration(email=email, password=PASSWORD), None)

        await asyncio.gather(*(register() for _ in range(30)))

        assert await newcomers.waiting(email) == 5


def _shape(answer):
    """What an answer tells beside its body: its header fields, without the random values in them."""
    fields = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
    cookies = answer.headers.get_list("set-cookie")
    return str(fields | {"set-cookie": [cookie.partition("=")[0] + cookie.partition(";")[2] for cookie in cookies]})
