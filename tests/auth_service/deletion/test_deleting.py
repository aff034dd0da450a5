"""DELETE /auth/me"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from jose import jwt

from auth_service.one_time import Use
from tests.auth_service.deletion.deleting import delete, status_of, user_id
from tests.auth_service.passwords.following import reset
from tests.auth_service.running import SHARED_SECRET, Device, assert_problem


@pytest.fixture
def logged_in_ago(service):
    """`await logged_in_ago(device, seconds)`: let the login of this device be so long ago."""

    async def age(device, seconds):
        statement = "UPDATE sessions SET auth_time = clock_timestamp() - make_interval(secs => :age) WHERE id = :id"
        await service.sql(statement, age=seconds, id=device.answer["session_id"])

    return age


class TestDeletingYourAccount:
    async def test_needs_a_token(self, client):
        """Without a token the answer is 401 and says how to authenticate."""
        assert_problem(await client.delete("/auth/me"), 401, "missing_token")

    async def test_takes_no_foreign_tokens(self, service, client, ada):
        """A token of a Better Auth frontend names nobody here, even if it names a user of ours."""
        claims = {"sub": str(user_id(ada)), "exp": time.time() + 60, "auth_time": int(time.time())}
        token = jwt.encode(claims, SHARED_SECRET, "HS256")

        answer = await client.delete("/auth/me", headers={"Authorization": f"Bearer {token}"})

        assert_problem(answer, 401, "invalid_token")
        assert await status_of(service, ada) == "active"

    async def test_says_until_when_it_can_be_taken_back(self, ada):
        """Seven days, unless ACCOUNT_GRACE_DAYS says otherwise."""
        answer = await delete(ada)

        assert (answer.status_code, list(answer.json())) == (202, ["purge_after"])
        assert answer.headers["cache-control"] == "no-store"
        left = datetime.fromisoformat(answer.json()["purge_after"]) - datetime.now(UTC)
        assert timedelta(days=7, minutes=-2) < left <= timedelta(days=7, minutes=2)

    async def test_ends_every_session(self, ada, stranger, revoked):
        """Here at once, and elsewhere as soon as it is told."""
        await stranger.login(ada.email)

        await delete(ada)

        for device in (ada, stranger):
            assert not await device.is_signed_in()
            assert_problem(await device.refresh(), 401, "invalid_grant")
        [told] = await revoked(ada)
        assert (told["kind"], told["id"], told["ver"]) == ("user", str(user_id(ada)), 1)

    async def test_is_told(self, ada, told):
        """The owner gets a mail, and it is written down."""
        await delete(ada)

        assert await told(ada) == (
            ["deletion_asked", "revoked"],
            ["deletion_asked", "registered", "session_ended"],
        )

    async def test_is_mailed_with_its_date(self, service, ada):
        """To the address of the account, which may be gone before the mail goes out."""
        answer = await delete(ada)

        [(payload,)] = await service.sql(
            "SELECT payload - 'context' FROM outbox WHERE type = 'deletion_asked' AND user_id = :id",
            id=str(user_id(ada)),
        )
        assert payload["email"] == ada.email
        assert datetime.fromisoformat(payload["purge_after"]) == datetime.fromisoformat(answer.json()["purge_after"])

    async def test_voids_the_links_that_were_mailed(self, client, ada, link_for):
        """They stay void when the account is restored."""
        token = await link_for(ada)
        await link_for(ada, Use.CHANGE_EMAIL)
        await delete(ada)
        await ada.login(ada.email)

        assert_problem(await reset(client, token), 400, "invalid_or_expired_token")

    async def test_happens_once(self, service, ada, told):
        """Of two clicks one is answered; the other comes from a session that is over."""
        answers = await asyncio.gather(delete(ada), delete(ada))

        assert sorted(answer.status_code for answer in answers) == [202, 401]
        assert (await told(ada))[0] == ["deletion_asked", "revoked"]

    async def test_is_your_own_account(self, service, ada):
        """Nobody else's is touched."""
        other = await service.register()

        await delete(ada)

        assert await other.is_signed_in()


class TestAnOldLogin:
    @pytest.mark.parametrize("minutes", [5.1, 60])
    async def test_is_not_enough(self, service, ada, logged_in_ago, minutes):
        """Whoever finds a device unlocked cannot delete the account: the answer asks for another login."""
        await logged_in_ago(ada, minutes * 60)

        answer = await delete(ada)

        assert_problem(answer, 401, "reauth_required")
        challenge = 'Bearer error="insufficient_user_authentication", max_age="300"'
        assert answer.headers["www-authenticate"] == challenge
        assert await status_of(service, ada) == "active"
        assert await ada.is_signed_in()

    async def test_is_not_made_new_by_a_refresh(self, ada, logged_in_ago):
        """New tokens are no new login."""
        await logged_in_ago(ada, 301)
        await ada.refresh()

        assert_problem(await delete(ada), 401, "reauth_required")

    async def test_is_followed_by_another(self, ada, logged_in_ago):
        """Who logs in again can go on."""
        await logged_in_ago(ada, 3600)
        again = Device(ada.client)
        await again.login(ada.email)

        assert (await delete(again)).status_code == 202

    async def test_four_minutes_ago_is_enough(self, ada, logged_in_ago):
        """There is time to read what is asked."""
        await logged_in_ago(ada, 240)

        assert (await delete(ada)).status_code == 202

    async def test_cannot_be_denied_by_a_token(self, service, client, ada, logged_in_ago):
        """What counts is the stored login: a holder of the shared secret can write any `auth_time`."""
        await logged_in_ago(ada, 3600)
        claims = ada.claims | {"auth_time": int(time.time())}
        del claims["aud"]
        token = jwt.encode(claims, SHARED_SECRET, "HS256", headers={"typ": "at+jwt"})
        headers = {"Authorization": f"Bearer {token}"}
        assert (await client.get("/auth/me", headers=headers)).status_code == 200

        assert_problem(await client.delete("/auth/me", headers=headers), 401, "reauth_required")
