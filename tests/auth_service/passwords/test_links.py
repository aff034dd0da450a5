"""A link that resets a password: what it is good for, and what it meets."""

import asyncio
import random

import pytest

from auth_service.one_time import Use
from tests.auth_service.passwords.following import NEW, reset
from tests.auth_service.running import PASSWORD, Device, assert_problem

CHEAP = {"memory_cost": 8, "time_cost": 1, "parallelism": 1}


class TestALink:
    async def test_works_once(self, ada, client, link_for):
        """The second time it is as if it had never been."""
        token = await link_for(ada)

        first, second = await reset(client, token), await reset(client, token, "a third passphrase")

        assert first.status_code == 204
        assert_problem(second, 400, "invalid_or_expired_token")
        assert (await Device(client).login(ada.email, password=NEW)).status_code == 200

    async def test_of_fifty_at_once_works_for_one(self, ada, client, link_for, hash_with):
        """Used fifty times in the same moment, it stores one password."""
        hash_with(**CHEAP)
        token = await link_for(ada)

        answers = await asyncio.gather(*(reset(client, token, f"{NEW} {number}") for number in range(50)))

        statuses = [answer.status_code for answer in answers]
        # Who waits for the account too long hears that it is busy.
        assert statuses.count(204) == 1
        assert set(statuses) <= {204, 400, 503}
        winner = f"{NEW} {statuses.index(204)}"
        assert (await Device(client).login(ada.email, password=winner)).status_code == 200

    async def test_voids_the_one_before(self, ada, client, link_for):
        """Of two mails the newer counts."""
        old, new = await link_for(ada), await link_for(ada)

        assert_problem(await reset(client, old), 400, "invalid_or_expired_token")
        assert (await reset(client, new)).status_code == 204

    async def test_voids_those_for_other_uses(self, service, ada, client, link_for):
        """A change of address that a thief has asked for dies with their session."""
        await link_for(ada, Use.CHANGE_EMAIL)

        await reset(client, await link_for(ada))

        assert await service.sql(
            "SELECT count(*) FROM one_time_tokens WHERE user_id = :id AND consumed_at IS NULL",
            id=ada.answer["user"]["id"],
        ) == [(0,)]

    @pytest.mark.parametrize("use", [use for use in Use if use is not Use.RESET_PASSWORD])
    async def test_for_another_use_is_none(self, ada, client, link_for, use):
        """A link that verifies an address sets no password."""
        assert_problem(await reset(client, await link_for(ada, use)), 400, "invalid_or_expired_token")

    @pytest.mark.parametrize("token", ["", "ot1.", "ot1." + "A" * 43, "ä", "x" * 512, "ot1.' OR 1=1 --"])
    async def test_cannot_be_guessed(self, client, token):
        """Whatever is no link of ours gets one answer."""
        assert_problem(await reset(client, token), 400, "invalid_or_expired_token")

    async def test_is_exact(self, ada, client, link_for):
        """Truncated, padded or in another case it is no link."""
        token = await link_for(ada)

        for other in (token[:-1], token + "=", token.swapcase(), f" {token}", token + "\n"):
            assert_problem(await reset(client, other), 400, "invalid_or_expired_token")
        assert (await reset(client, token)).status_code == 204

    async def test_expires_after_half_an_hour(self, service, ada, client, link_for):
        """A mailbox that is read later opens nothing."""
        token = await link_for(ada)
        await service.sql(
            "UPDATE one_time_tokens SET expires_at = expires_at - make_interval(mins => 30) WHERE user_id = :id",
            id=ada.answer["user"]["id"],
        )

        assert_problem(await reset(client, token), 400, "invalid_or_expired_token")

    async def test_opens_no_account_that_is_closed(self, service, ada, client, link_for):
        """It is as good as none."""
        token = await link_for(ada)
        await service.sql("UPDATE users SET status = 'disabled' WHERE email = :email", email=ada.email)

        assert_problem(await reset(client, token), 400, "invalid_or_expired_token")

    async def test_survives_a_weak_password(self, ada, client, link_for):
        """Who is asked for a better one need not ask for another mail."""
        token = await link_for(ada)

        answer = await reset(client, token, "person-1")

        assert assert_problem(answer, 422, "weak_password")["reason"] == "personal"
        assert (await reset(client, token)).status_code == 204

    async def test_is_not_followed_by_a_scanner(self, ada, client, link_for):
        """GET and HEAD change nothing, however often a mail scanner looks."""
        token = await link_for(ada)
        for method in ("GET", "HEAD") * 10:
            answer = await client.request(method, "/auth/password/reset", params={"token": token})
            assert answer.status_code == 405

        assert (await reset(client, token)).status_code == 204

    async def test_is_tried_twenty_times_a_minute(self, new_service, redis_url):
        """Guessing at 256 bits is slowed as well."""
        service = await new_service(throttle_factor=1, redis_url=redis_url)

        statuses = [(await reset(service.client, "ot1.x")).status_code for _ in range(22)]

        assert statuses == [400] * 20 + [429] * 2


class TestALoginBesideAReset:
    async def test_survives_it_by_the_new_password_only(self, service, client, link_for, hash_with):
        """Whichever comes first: afterwards no session is open that the former password has opened."""
        hash_with(**CHEAP)
        chance, survived = random.Random(7), []

        for _ in range(100):
            ada = await service.register()
            token, thief = await link_for(ada), Device(client)

            async def later(action):
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                return await action

            login, answer = await asyncio.gather(later(thief.login(ada.email)), later(reset(client, token)))
            assert answer.status_code == 204
            survived.append(login.status_code)
            assert login.status_code == 401 or not await thief.is_signed_in()
            assert (await ada.login(ada.email, password=NEW)).status_code == 200

        # Both orders were seen.
        assert set(survived) == {200, 401}

    async def test_of_the_former_password_stores_no_hash(self, service, ada, client, link_for, hash_with):
        """A login that brings a hash up to today's cost does not bring the former password back."""
        hash_with(**CHEAP)
        token = await link_for(ada)

        await asyncio.gather(Device(client).login(ada.email), reset(client, token))

        assert_problem(await Device(client).login(ada.email, password=PASSWORD), 401, "invalid_credentials")
        assert (await Device(client).login(ada.email, password=NEW)).status_code == 200
