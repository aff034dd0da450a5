"""POST /auth/password/forgot and /auth/password/reset"""

import pytest

from tests.auth_service.passwords.following import NEW, reset
from tests.auth_service.running import Device, assert_problem, new_address


async def forget(client, email):
    """Ask for a link."""
    return await client.post("/auth/password/forgot", json={"email": email})


class TestAskingForALink:
    async def test_answers_everybody_alike(self, ada, client, statements):
        """Known, unknown and disabled: the same answer after the same statement, and nothing is read."""
        answers, costs = [], []
        for email in (ada.email, new_address()):
            statements.clear()
            answers.append(await forget(client, email))
            costs.append(tuple(statements))

        assert [(answer.status_code, answer.json()) for answer in answers] == [(202, {})] * 2
        assert len(costs[0]) == 1
        assert costs[0] == costs[1]
        assert costs[0][0].startswith("INSERT INTO outbox")

    async def test_gets_three_mails_an_hour(self, client, redis_url):
        """Nobody's mailbox is filled, whoever asks, and the answer does not tell whose it is."""
        email = new_address()

        answers = [await forget(client, spelling) for spelling in (email, email.upper(), email, email)]

        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
        assert_problem(answers[-1], 429, "rate_limited")

    async def test_is_not_kept_from_the_owner_by_other_mails(self, client, redis_url):
        """A stranger who asks for all the others, of which a verified owner gets none, uses up none of these."""
        email = new_address()

        asked = [await client.post("/auth/email/resend", json={"email": email}) for _ in range(4)]

        assert [answer.status_code for answer in asked] == [202, 202, 202, 429]
        assert (await forget(client, email)).status_code == 202

    @pytest.mark.parametrize(
        "body", [{}, {"email": "ada"}, {"email": "a@b.c", "next": "//evil"}, {"email": "a\r\n@b.c"}]
    )
    async def test_names_a_wrong_field(self, client, body):
        """Fields are checked as everywhere."""
        assert_problem(await client.post("/auth/password/forgot", json=body), 422, "validation_error")


class TestResettingAPassword:
    async def test_opens_the_account_by_the_new_one(self, ada, client, link_for):
        """The former one no longer does. No login follows: the link may have been read by somebody else."""
        answer = await reset(client, await link_for(ada))

        assert answer.status_code == 204
        assert (answer.content, "set-cookie" in answer.headers) == (b"", False)
        assert_problem(await Device(client).login(ada.email), 401, "invalid_credentials")
        assert (await Device(client).login(ada.email, password=NEW)).status_code == 200

    async def test_ends_every_session(self, ada, stranger, client, link_for, told):
        """Every service hears of it at once, the owner gets a mail, and it is written down."""
        await stranger.login(ada.email)

        await reset(client, await link_for(ada))

        assert not await ada.is_signed_in()
        assert not await stranger.is_signed_in()
        assert await told(ada) == (
            ["password_changed", "revoked"],
            ["login", "password_reset", "registered", "session_ended", "session_ended"],
        )

    async def test_verifies_the_address(self, ada, client, link_for):
        """Whoever has followed the link reads it."""
        await reset(client, await link_for(ada))
        await ada.login(ada.email, password=NEW)

        assert ada.answer["user"]["email_verified"] is True

    async def test_opens_what_guessing_has_closed(self, service, ada, client, link_for):
        """A slowed or closed account is open again."""
        await service.sql(
            "UPDATE credentials SET failed_attempts = 150 FROM users WHERE id = user_id AND email = :email",
            email=ada.email,
        )
        for _ in range(6):
            await Device(client).login(ada.email, password="a wrong password")

        await reset(client, await link_for(ada))

        assert (await Device(client).login(ada.email, password=NEW)).status_code == 200
