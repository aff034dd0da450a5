"""What POST /auth/email/verify and /auth/email/resend take, and refuse"""

import json

import pytest

from tests.auth_service.running import PASSWORD, assert_problem, new_address

JSON = {"Content-Type": "application/json"}
ODD_VERIFICATIONS = [
    ({"token": None}, "token"),
    ({"token": 7}, "token"),
    ({"token": ["ot1.x"]}, "token"),
    ({"token": "ot1.\x00"}, "token"),
    ({"token": "ot1.\ud800"}, "token"),
    ({"token": "x" * 513}, "token"),
    ({"password": 7}, "password"),
    ({"password": "a\x00b"}, "password"),
    ({"password": "\udfff"}, "password"),
    ({"password": "x" * 1025}, "password"),
    ({"user_id": "1"}, "user_id"),
    ({"email": "ada@example.com"}, "email"),
    ({"email_verified": True}, "email_verified"),
    ({"status": "active"}, "status"),
    ({"scope": "admin"}, "scope"),
    ({"next": "//evil.example"}, "next"),
]
ODD_ADDRESSES = [
    {},
    {"email": None},
    {"email": 7},
    {"email": "ada"},
    {"email": "ada@example.com\r\nBcc: eve@example.com"},
    {"email": "ada\x00@example.com"},
    {"email": "ada\ud800@example.com"},
    {"email": "ada@example.com", "next": "//evil.example"},
]


class TestFieldsOfAVerification:
    @pytest.mark.parametrize(("changed", "field"), ODD_VERIFICATIONS)
    async def test_are_checked(self, client, newcomers, changed, field):
        """A wrong or unknown field is named, no value is repeated, and the link still works."""
        newcomer = await newcomers.sign_up()
        body = {"token": newcomer.token, "password": PASSWORD} | changed

        answer = await client.post("/auth/email/verify", content=json.dumps(body), headers=JSON)

        errors = assert_problem(answer, 422, "validation_error")["errors"]
        assert {entry["loc"][-1] for entry in errors} == {field}
        assert PASSWORD not in answer.text
        assert newcomer.token not in answer.text
        assert (await newcomers.verify(newcomer.token, cookie=newcomer.cookie)).status_code == 200

    async def test_needs_a_token(self, client):
        """A password alone names nobody."""
        answer = await client.post("/auth/email/verify", json={"password": PASSWORD})

        assert_problem(answer, 422, "validation_error")

    @pytest.mark.parametrize("token", ["", "ot1.", "ot1." + "A" * 43, "ä", "x" * 512, "ot1.' OR 1=1 --", "a\r\nb"])
    async def test_an_unknown_link_gets_one_answer(self, client, token):
        """Whatever is no link of ours, and whatever comes with it."""
        for proof in ({}, {"password": PASSWORD}):
            answer = await client.post("/auth/email/verify", json={"token": token} | proof)
            assert_problem(answer, 400, "invalid_or_expired_token")


class TestResending:
    async def test_answers_everybody_alike(self, service, newcomers, ada, grace, cost_of):
        """Verified, not verified, waiting, unknown: the same answer after one statement, and nothing is read."""
        answers, costs = [], []
        for email in (ada.email, grace.email, (await newcomers.sign_up()).email, new_address()):
            answer, cost = await cost_of(service.client.post("/auth/email/resend", json={"email": email}))
            answers.append((answer.status_code, answer.content, answer.headers["cache-control"]))
            costs.append(cost)

        assert answers == [(202, b"{}", "no-store")] * 4
        assert len(set(costs)) == 1
        hashes, (statement,) = costs[0]
        assert hashes == 0
        assert statement.startswith("INSERT INTO outbox")

    async def test_answers_alike_where_nobody_is_verified_first(self, open_service, newcomers):
        """An account of such a service can be verified later, if its owner likes."""
        email = new_address()

        answer = await open_service.client.post("/auth/email/resend", json={"email": email})

        assert (answer.status_code, answer.json()) == (202, {})
        assert await open_service.sql("SELECT type FROM outbox WHERE payload->>'email' = :email", email=email) == [
            ("verify_email",)
        ]

    async def test_gets_three_mails_an_hour(self, client, newcomers, redis_url):
        """With the mail of the registration: nobody's mailbox is filled, whoever asks."""
        newcomer = await newcomers.sign_up()

        answers = [await client.post("/auth/email/resend", json={"email": newcomer.email}) for _ in range(3)]

        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert_problem(answers[-1], 429, "rate_limited")

    @pytest.mark.parametrize("body", ODD_ADDRESSES)
    async def test_names_a_wrong_field(self, client, body):
        """Fields are checked as everywhere."""
        answer = await client.post("/auth/email/resend", content=json.dumps(body), headers=JSON)

        assert_problem(answer, 422, "validation_error")
