"""POST /auth/email/verify by somebody whose account is not verified yet"""

import asyncio

import pytest

from tests.auth_service.meeting import ENDS_ALL_SESSIONS, meets
from tests.auth_service.running import PASSWORD, Device, assert_problem

WRONG = "a wrong password"


class TestFollowingTheLink:
    async def test_where_one_is_signed_in_verifies(self, newcomers, grace, link_for):
        """The access token is the proof; no other session is opened."""
        answer = await newcomers.verify(await link_for(grace), headers=grace.bearer)

        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["cache-control"] == "no-store"
        assert "set-cookie" not in answer.headers
        assert (await grace.me()).json()["email_verified"] is True

    async def test_elsewhere_takes_the_password(self, newcomers, grace, link_for):
        """On another device the account's password is the proof."""
        answer = await newcomers.verify(await link_for(grace), password=PASSWORD)

        assert (answer.status_code, answer.content) == (204, b"")

    async def test_shows_in_the_next_access_token(self, newcomers, grace, link_for):
        """Its session goes on, and says `email_verified` from its next refresh on."""
        await newcomers.verify(await link_for(grace), headers=grace.bearer)

        assert grace.claims["email_verified"] is False
        await grace.refresh()
        assert grace.claims["email_verified"] is True

    async def test_is_written_down(self, service, newcomers, grace, link_for):
        """The audit log has it, beside what was before."""
        await newcomers.verify(await link_for(grace), headers=grace.bearer)

        assert await service.sql(
            "SELECT type, outcome FROM audit_events WHERE user_id = :id ORDER BY at", id=grace.answer["user"]["id"]
        ) == [("registered", "success"), ("verified", "success")]

    async def test_forgets_who_else_has_registered_the_address(self, newcomers, grace, link_for):
        """Whoever waits for the address does so in vain."""
        other = await newcomers.sign_up(grace.email)

        await newcomers.verify(await link_for(grace), headers=grace.bearer)

        assert await newcomers.waiting(grace.email) == 0
        answer = await newcomers.verify(other.token, cookie=other.cookie)
        assert_problem(answer, 400, "invalid_or_expired_token")


class TestWithoutAProof:
    async def test_the_link_stays_as_it_is(self, newcomers, grace, link_for):
        """Reading the mail does not show whose account it is: somebody else may have registered the address."""
        token = await link_for(grace)

        for _ in range(7):
            assert_problem(await newcomers.verify(token), 401, "proof_required")
        assert (await newcomers.verify(token, headers=grace.bearer)).status_code == 204

    async def test_the_token_of_somebody_else_is_none(self, newcomers, ada, grace, link_for):
        """A foreign access token changes nothing and burns nothing."""
        token = await link_for(grace)

        assert_problem(await newcomers.verify(token, headers=ada.bearer), 401, "proof_required")
        assert (await grace.me()).json()["email_verified"] is False
        assert (await newcomers.verify(token, headers=grace.bearer)).status_code == 204

    async def test_a_token_that_opens_nothing_is_none(self, client, newcomers, grace, link_for):
        """An access token that is no token, or whose session has ended, says nothing."""
        token = await link_for(grace)
        await client.post("/auth/logout", headers=grace.bearer)

        for headers in (grace.bearer, {"Authorization": "Bearer x"}, {"Authorization": "Basic YTpi"}):
            assert_problem(await newcomers.verify(token, headers=headers), 401, "proof_required")

    async def test_the_mark_of_a_registration_is_none(self, newcomers, grace, link_for):
        """A browser that has registered the address once more does not own its account."""
        other = await newcomers.sign_up(grace.email)

        assert_problem(await newcomers.verify(await link_for(grace), cookie=other.cookie), 401, "proof_required")

    async def test_two_authorizations_are_refused(self, client, grace, link_for):
        """Nobody chooses between two access tokens."""
        headers = [("Authorization", grace.bearer["Authorization"])] * 2

        answer = await client.post("/auth/email/verify", json={"token": await link_for(grace)}, headers=headers)

        assert_problem(answer, 400, "repeated_authorization")


class TestGuessingThePassword:
    async def test_ends_the_link_at_the_fifth_time(self, newcomers, grace, link_for):
        """Then the owner's own access token does not help either: they ask for another mail."""
        token = await link_for(grace)

        for _ in range(5):
            assert_problem(await newcomers.verify(token, password=WRONG), 401, "invalid_credentials")

        assert_problem(await newcomers.verify(token, headers=grace.bearer), 400, "invalid_or_expired_token")
        assert (await newcomers.verify(await link_for(grace), headers=grace.bearer)).status_code == 204

    async def test_counts_for_the_account(self, service, client, newcomers, grace, link_for, redis_url):
        """Wrong passwords beside a link and wrong logins are one count, stored with the account."""
        token = await link_for(grace)
        for _ in range(2):
            await newcomers.verify(token, password=WRONG)

        statuses = [(await Device(client).login(grace.email, password=WRONG)).status_code for _ in range(4)]

        assert statuses == [401, 401, 401, 429]
        assert await service.sql(
            "SELECT failed_attempts FROM credentials WHERE user_id = :id", id=grace.answer["user"]["id"]
        ) == [(5,)]


class TestTheLink:
    async def test_of_fifty_at_once_works_for_one(self, newcomers, grace, link_for):
        """Followed fifty times in the same moment, it verifies once."""
        token = await link_for(grace)

        answers = await asyncio.gather(*(newcomers.verify(token, headers=grace.bearer) for _ in range(50)))

        # Who waits for the account too long hears that it is busy.
        statuses = [answer.status_code for answer in answers]
        assert statuses.count(204) == 1
        assert set(statuses) <= {204, 400, 503}

    async def test_voids_the_one_before(self, newcomers, grace, link_for):
        """Of two mails the newer counts."""
        old, new = await link_for(grace), await link_for(grace)

        assert_problem(await newcomers.verify(old, headers=grace.bearer), 400, "invalid_or_expired_token")
        assert (await newcomers.verify(new, headers=grace.bearer)).status_code == 204

    async def test_expires(self, service, newcomers, grace, link_for):
        """A mailbox that is read later verifies nothing."""
        token = await link_for(grace)
        await service.sql(
            "UPDATE one_time_tokens SET expires_at = clock_timestamp() WHERE user_id = :id",
            id=grace.answer["user"]["id"],
        )

        assert_problem(await newcomers.verify(token, headers=grace.bearer), 400, "invalid_or_expired_token")

    @pytest.mark.parametrize("status", ["disabled", "deleting"])
    async def test_opens_no_account_that_is_closed(self, service, newcomers, grace, link_for, status):
        """It is as if it had never been."""
        token = await link_for(grace)
        await service.sql("UPDATE users SET status = :status WHERE email = :email", status=status, email=grace.email)

        assert_problem(await newcomers.verify(token, password=PASSWORD), 400, "invalid_or_expired_token")

    async def test_verifies_no_account_that_has_changed(self, service, newcomers, grace, link_for):
        """Whose sessions end while the account is waited for has proven nothing."""
        token = await link_for(grace)

        answer = await meets(service, grace, ENDS_ALL_SESSIONS, newcomers.verify(token, headers=grace.bearer))

        assert_problem(answer, 400, "invalid_or_expired_token")
        assert await service.sql("SELECT email_verified_at FROM users WHERE email = :email", email=grace.email) == [
            (None,)
        ]
