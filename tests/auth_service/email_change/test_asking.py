"""POST /auth/email/change"""

from uuid import UUID

import pytest
from jose import jwt

from tests.auth_service.email_change.changing import ask
from tests.auth_service.meeting import ENDS_ALL_SESSIONS, meets
from tests.auth_service.running import PASSWORD, SHARED_SECRET, Device, assert_problem, new_address

CHEAP = {"memory_cost": 8, "time_cost": 1, "parallelism": 1}


@pytest.fixture
def asked_for(service):
    """`await asked_for(device)`: the mails that this person's requests have asked for, and what is said in each."""

    async def asked_for(device):
        rows = await service.sql(
            "SELECT type, payload - 'context' FROM outbox WHERE stream = 'auth:mail' AND user_id = :id ORDER BY type",
            id=device.answer["user"]["id"],
        )
        return [tuple(row) for row in rows]

    return asked_for


class TestAskingForAnotherAddress:
    async def test_needs_a_token(self, client):
        """Without a token the answer is 401 and says how to authenticate."""
        answer = await client.post("/auth/email/change", json={"new_email": new_address(), "password": PASSWORD})

        assert_problem(answer, 401, "missing_token")

    async def test_takes_no_foreign_tokens(self, client, ada):
        """A token of a Better Auth frontend names nobody here."""
        token = jwt.encode({"sub": ada.answer["user"]["id"], "exp": 4e9}, SHARED_SECRET, "HS256")
        body = {"new_email": new_address(), "password": PASSWORD}

        answer = await client.post("/auth/email/change", json=body, headers={"Authorization": f"Bearer {token}"})

        assert_problem(answer, 401, "invalid_token")

    async def test_writes_to_both_addresses(self, ada, asked_for):
        """The new one gets a link, and the present one hears of it."""
        new = new_address()

        answer = await ask(ada, new)

        assert (answer.status_code, answer.json()) == (202, {})
        assert answer.headers["cache-control"] == "no-store"
        assert await asked_for(ada) == [("change_email", {"new_email": new}), ("email_change_asked", {})]

    async def test_is_written_down(self, service, ada, told):
        """Without the address, which outlives no account."""
        await ask(ada, new_address())

        assert "email_change_asked" in (await told(ada))[1]
        assert await service.sql(
            "SELECT detail FROM audit_events WHERE type = 'email_change_asked' AND user_id = :id",
            id=UUID(ada.answer["user"]["id"]),
        ) == [({},)]

    async def test_changes_nothing_yet(self, ada, client):
        """Until the link is followed, the account is opened by the address of before."""
        new, before = new_address(), (await ada.me()).json()

        await ask(ada, new)

        assert (await ada.me()).json() == before
        assert_problem(await Device(client).login(new), 401, "invalid_credentials")

    async def test_does_not_tell_whose_an_address_is(self, service, ada, statements, hash_with):
        """Free, taken, about to go, or one's own: the same answer after the same statements and one hash."""
        taken, going = await service.register(), await service.register()
        await service.client.delete("/auth/me", headers=going.bearer)
        hashes, answers, costs = hash_with(**CHEAP), [], []
        await ada.login(ada.email)  # which stores her hash at this cost
        for email in (new_address(), taken.email, taken.email.upper(), going.email, ada.email):
            hashes.calls = 0
            statements.clear()
            answers.append(await ask(ada, email))
            costs.append((hashes.calls, tuple(statements)))

        assert [(answer.status_code, answer.json()) for answer in answers] == [(202, {})] * 5
        assert len(set(costs)) == 1
        assert costs[0][0] == 1


class TestAnAskingThatIsRefused:
    async def test_for_a_wrong_password(self, ada, told, asked_for):
        """A stolen token is not enough. The try is written down although the answer is an error."""
        answer = await ask(ada, new_address(), password="a wrong password")

        assert_problem(answer, 400, "current_password_invalid")
        assert await asked_for(ada) == []
        assert "login_failed" in (await told(ada))[1]

    async def test_for_too_many_tries(self, ada, client):
        """They are counted together with logins: a stolen token guesses no faster."""
        for _ in range(3):
            await ask(ada, new_address(), password="a wrong password")
        for _ in range(2):
            await Device(client).login(ada.email, password="a wrong password")

        answer = await ask(ada, new_address())

        assert_problem(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1

    async def test_for_too_many_mails_to_one_address(self, ada, redis_url):
        """Nobody's mailbox is filled, whoever asks."""
        email = new_address()

        answers = [await ask(ada, spelling) for spelling in (email, email.upper(), email, email)]

        assert [answer.status_code for answer in answers] == [202, 202, 202, 429]

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"new_email": None}, "new_email"),
            ({"new_email": "ada"}, "new_email"),
            ({"new_email": "ada@example.com\r\nBcc: eve@example.com"}, "new_email"),
            ({"new_email": "a\x00da@example.com"}, "new_email"),
            ({"new_email": f"{'a' * 250}@example.com"}, "new_email"),
            ({"new_email": ["ada@example.com"]}, "new_email"),
            ({"password": None}, "password"),
            ({"password": "x" * 1025}, "password"),
            ({"next": "//evil.example"}, "next"),
            ({"email_verified": True}, "email_verified"),
            ({"user_id": "1"}, "user_id"),
        ],
    )
    async def test_for_a_wrong_field(self, ada, asked_for, changed, field):
        """Fields are checked as everywhere, and nobody is written to."""
        answer = await ask(ada, **({"new_email": new_address()} | changed))

        errors = assert_problem(answer, 422, "validation_error")["errors"]
        assert [entry["loc"][-1] for entry in errors] == [field]
        assert await asked_for(ada) == []

    async def test_from_another_site(self, ada):
        """It looks for the cookie of a known device, so it asks where the request comes from."""
        body = {"new_email": new_address(), "password": PASSWORD}
        headers = ada.bearer | {"Origin": "http://evil.example"}

        assert_problem(await ada.client.post("/auth/email/change", json=body, headers=headers), 403, "csrf")

    @pytest.mark.parametrize(
        "meanwhile",
        [
            "UPDATE credentials SET hash = 'x' WHERE user_id = :id",
            ENDS_ALL_SESSIONS,
            "UPDATE users SET status = 'deleting', purge_after = now() WHERE id = :id",
        ],
    )
    async def test_that_meets_another_change(self, service, ada, asked_for, meanwhile):
        """What was right when it was verified, and is not under the lock, opens nothing."""
        answer = await meets(service, ada, meanwhile, ask(ada, new_address()))

        assert_problem(answer, 400, "current_password_invalid")
        assert await asked_for(ada) == []
