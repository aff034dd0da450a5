"""POST /auth/password/change"""

import asyncio

import pytest
from sqlalchemy import text

from tests.auth_service.running import PASSWORD, Device, assert_problem
from tests.waiting import until

NEW = "quite another passphrase"


async def change(device, **changed):
    """Change the password on this device."""
    body = {"current_password": PASSWORD, "new_password": NEW} | changed
    return await device.client.post("/auth/password/change", json=body, headers=device.bearer)


class TestChangingAPassword:
    async def test_needs_a_token(self, client):
        """Without a token the answer is 401 and says how to authenticate."""
        body = {"current_password": PASSWORD, "new_password": NEW}
        answer = await client.post("/auth/password/change", json=body)

        assert_problem(answer, 401, "missing_token")

    async def test_lets_the_new_one_in_and_the_former_out(self, ada, client):
        """From then on the account opens by the new one alone."""
        answer = await change(ada)

        assert answer.status_code == 204
        assert answer.headers["cache-control"] == "no-store"
        assert_problem(await Device(client).login(ada.email), 401, "invalid_credentials")
        assert (await Device(client).login(ada.email, password=NEW)).status_code == 200

    async def test_ends_the_other_sessions(self, ada, stranger):
        """This one goes on; whoever else was logged in is logged out."""
        await stranger.login(ada.email)

        await change(ada)

        assert await ada.is_signed_in()
        assert not await stranger.is_signed_in()
        assert_problem(await stranger.refresh(), 401, "invalid_grant")
        assert (await ada.refresh()).status_code == 200

    async def test_leaves_them_if_asked_to(self, ada, stranger):
        """`revoke_others: false` is for who only wants a better password."""
        await stranger.login(ada.email)

        await change(ada, revoke_others=False)

        assert await stranger.is_signed_in()

    async def test_is_told(self, ada, stranger, told):
        """Every service hears of the ended session, the owner gets a mail, and it is written down."""
        await stranger.login(ada.email)

        await change(ada)

        assert await told(ada) == (
            ["password_changed", "revoked"],
            ["login", "password_changed", "registered", "session_ended"],
        )

    async def test_voids_links_that_reset_it(self, ada, client, link_for):
        """Whoever has read the mail of before cannot take the account back."""
        token = await link_for(ada)
        await change(ada)

        answer = await client.post("/auth/password/reset", json={"token": token, "new_password": PASSWORD})

        assert_problem(answer, 400, "invalid_or_expired_token")


class TestAChangeThatIsRefused:
    async def test_for_a_wrong_password(self, ada, client, told):
        """The former one stays, and the try is written down although the answer is an error."""
        answer = await change(ada, current_password="a wrong password")

        assert_problem(answer, 400, "current_password_invalid")
        assert (await Device(client).login(ada.email)).status_code == 200
        assert "login_failed" in (await told(ada))[1]

    async def test_for_a_weak_password(self, ada, client):
        """The same rules as at registration, with the owner's own name and address."""
        answer = await change(ada, new_password="person-1")

        assert assert_problem(answer, 422, "weak_password")["reason"] == "personal"
        assert (await Device(client).login(ada.email)).status_code == 200

    async def test_for_too_many_tries(self, ada, client):
        """They are counted together with logins: a stolen token guesses no faster."""
        for _ in range(3):
            await change(ada, current_password="a wrong password")
        for _ in range(2):
            await Device(client).login(ada.email, password="a wrong password")

        answer = await change(ada)

        assert_problem(answer, 429, "rate_limited")
        assert int(answer.headers["retry-after"]) >= 1

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"current_password": None}, "current_password"),
            ({"new_password": "a\x00bcdefgh"}, "new_password"),
            ({"revoke_others": "perhaps"}, "revoke_others"),
            ({"user_id": "1"}, "user_id"),
            ({"new_password": "x" * 1025}, "new_password"),
        ],
    )
    async def test_names_a_wrong_field(self, ada, changed, field):
        """Fields are checked as everywhere."""
        errors = assert_problem(await change(ada, **changed), 422, "validation_error")["errors"]

        assert [entry["loc"][-1] for entry in errors] == [field]

    async def test_from_another_site(self, ada):
        """It looks for the cookie of a known device, so it asks where the request comes from."""
        body = {"current_password": PASSWORD, "new_password": NEW}
        headers = ada.bearer | {"Origin": "http://evil.example"}

        assert_problem(await ada.client.post("/auth/password/change", json=body, headers=headers), 403, "csrf")


class TestAChangeThatMeetsAnother:
    async def test_of_many_at_once_one_wins(self, ada, client):
        """The password that was verified must still be the stored one: of three changes one happens."""
        answers = await asyncio.gather(*(change(ada, new_password=f"{NEW} {number}") for number in range(3)))

        statuses = [answer.status_code for answer in answers]
        assert sorted(statuses) == [204, 400, 400]
        winner = f"{NEW} {statuses.index(204)}"
        assert (await Device(client).login(ada.email, password=winner)).status_code == 200

    async def test_leaves_no_login_by_the_former_password(self, service, ada, stranger):
        """A login that verified the former one meets the change under the lock, and opens nothing."""
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )

        async def is_waiting():
            return await service.sql(waiting) == [(1,)]

        async with service.app.state.database.engine.begin() as other:
            values = {"email": ada.email}
            await other.execute(text("SELECT FROM users WHERE email = :email FOR NO KEY UPDATE"), values)
            login = asyncio.ensure_future(stranger.login(ada.email))
            await until(is_waiting)
            await other.execute(
                text("UPDATE credentials SET hash = 'x' FROM users WHERE id = user_id AND email = :email"), values
            )

        assert_problem(await login, 401, "invalid_credentials")
