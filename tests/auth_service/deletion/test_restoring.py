"""The grace days: the account is as unknown, and its owner can come back by a login."""

import asyncio
import re

import pytest

from tests.auth_service.deletion.deleting import delete, let_grace_pass, status_of, user_id
from tests.auth_service.running import PASSWORD, Device, assert_problem, new_address

NEW = "quite another passphrase"
CHEAP = {"memory_cost": 8, "time_cost": 1, "parallelism": 1}


@pytest.fixture
async def deleted(ada):
    """Somebody who has just deleted their account."""
    assert (await delete(ada)).status_code == 202
    return ada


class TestAnAccountThatIsDeleted:
    async def test_is_unknown_to_a_wrong_password(self, client, deleted, statements, hash_with):
        """The answer, the statements and the hashes are those for an address that nobody has."""
        answers, costs = [], []
        for email in (deleted.email, new_address()):
            hashes = hash_with(**CHEAP)
            statements.clear()
            answers.append(await Device(client).login(email, password="a wrong password"))
            costs.append((hashes.calls, [re.sub(r"\s+", " ", statement) for statement in statements]))

        for answer in answers:
            assert_problem(answer, 401, "invalid_credentials")
        assert costs[0] == costs[1]

    async def test_still_has_its_address(self, client, deleted):
        """It is nobody else's while its owner can come back."""
        answer = await Device(client).post("/auth/register", {"email": deleted.email, "password": PASSWORD})

        assert_problem(answer, 409, "email_taken")

    async def test_takes_no_refresh(self, service, deleted):
        """Not even if a session of it had been left open."""
        await service.sql("UPDATE sessions SET ended_at = NULL WHERE id = :id", id=deleted.answer["session_id"])

        assert_problem(await deleted.refresh(), 401, "invalid_grant")
        assert_problem(await deleted.me(), 401, "invalid_token")


class TestAForgottenPassword:
    async def test_keeps_nobody_out(self, service, client, deleted, link_for):
        """A link replaces it, also where guessing has closed the account; the next login brings it back."""
        await service.sql("UPDATE credentials SET failed_attempts = 100 WHERE user_id = :id", id=user_id(deleted))
        link = {"token": await link_for(deleted), "new_password": NEW}

        answer = await client.post("/auth/password/reset", json=link)
        status = await status_of(service, deleted)
        login = await Device(client).login(deleted.email, password=NEW)

        assert (answer.status_code, status) == (204, "deleting")
        assert (login.status_code, await status_of(service, deleted)) == (200, "active")

    async def test_is_not_replaced_after_the_last_day(self, service, client, deleted, link_for):
        """Then the link is as good as none."""
        link = {"token": await link_for(deleted), "new_password": NEW}
        await let_grace_pass(service, deleted)

        assert_problem(await client.post("/auth/password/reset", json=link), 400, "invalid_or_expired_token")


class TestComingBack:
    async def test_is_a_login(self, service, client, deleted):
        """Then the account is as it was."""
        again = Device(client)

        answer = await again.login(deleted.email)

        assert (answer.status_code, again.answer["user"]) == (200, deleted.answer["user"])
        assert (await again.me()).status_code == 200
        assert await service.sql("SELECT status, purge_after FROM users WHERE email = :email", email=deleted.email) == [
            ("active", None)
        ]

    async def test_is_told(self, client, deleted, told):
        """The owner gets a mail, and it is written down beside the login."""
        await Device(client).login(deleted.email)

        assert await told(deleted) == (
            ["deletion_asked", "restored", "revoked"],
            ["deletion_asked", "login", "registered", "restored", "session_ended"],
        )

    async def test_brings_no_former_session_back(self, client, deleted):
        """They have ended for good, with their access tokens."""
        await Device(client).login(deleted.email)

        assert not await deleted.is_signed_in()
        assert_problem(await deleted.refresh(), 401, "invalid_grant")

    async def test_takes_the_right_password(self, service, client, deleted):
        """A wrong one changes nothing."""
        await Device(client).login(deleted.email, password="a wrong password")

        assert await status_of(service, deleted) == "deleting"

    async def test_of_two_at_once_happens_once(self, client, deleted, told):
        """Both are logged in; one letter says that the account stays."""
        answers = await asyncio.gather(*(Device(client).login(deleted.email) for _ in range(2)))

        assert [answer.status_code for answer in answers] == [200, 200]
        events, audit = await told(deleted)
        assert (events.count("restored"), audit.count("restored")) == (1, 1)

    async def test_can_be_followed_by_another_end(self, service, client, deleted):
        """Whoever comes back may go again."""
        again = Device(client)
        await again.login(deleted.email)

        assert (await delete(again)).status_code == 202
        assert await status_of(service, deleted) == "deleting"

    async def test_is_not_for_disabled_accounts(self, service, client, deleted):
        """What an operator has closed, a login does not open."""
        await service.sql("UPDATE users SET status = 'disabled' WHERE email = :email", email=deleted.email)

        assert_problem(await Device(client).login(deleted.email), 401, "invalid_credentials")
        assert await status_of(service, deleted) == "disabled"

    async def test_ends_with_the_grace_days(self, service, client, deleted, statements):
        """Then the account is unknown to everybody, though the worker has not come yet."""
        await let_grace_pass(service, deleted)
        costs = []
        for email in (deleted.email, new_address()):
            statements.clear()
            assert_problem(await Device(client).login(email), 401, "invalid_credentials")
            costs.append(tuple(statements))

        assert costs[0] == costs[1]
        assert await status_of(service, deleted) == "deleting"

    async def test_is_never_without_grace(self, new_service):
        """With ACCOUNT_GRACE_DAYS=0 the first click is the last."""
        service = await new_service(account_grace_days=0)
        ada = await service.register()
        await delete(ada)

        assert_problem(await Device(service.client).login(ada.email), 401, "invalid_credentials")
