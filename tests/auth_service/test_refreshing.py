"""POST /auth/refresh: honest retries get their tokens, and a stolen token ends the session."""

import asyncio
import re

import pytest

from tests.auth_service.running import Device, assert_problem, cookie_in, token_in
from tests.proofs import rounds


class TestRefreshing:
    async def test_without_a_token_is_refused(self, client):
        """Without a refresh token there is nothing to renew."""
        assert_problem(await client.post("/auth/refresh"), 401, "invalid_grant")

    @pytest.mark.parametrize("token", ["rt1." + "A" * 43, "", "x", "rt1." + "A" * 500])
    async def test_with_an_unknown_token_is_refused(self, app_of_ada, token):
        """A token that nobody was given opens nothing."""
        assert_problem(await app_of_ada.send_token("/auth/refresh", token), 401, "invalid_grant")

    async def test_gives_new_tokens(self, ada):
        """The refresh token is exchanged for its successor and a new access token of the same session."""
        before = ada.refresh_token, ada.answer

        answer = await ada.refresh()

        assert answer.status_code == 200
        assert ada.refresh_token != before[0]
        assert ada.answer["access_token"] != before[1]["access_token"]
        assert ada.answer["session_id"] == before[1]["session_id"]
        assert await ada.is_signed_in()

    async def test_moves_the_idle_end(self, service, ada, later):
        """Whoever comes back within 14 days stays signed in, up to the absolute end."""
        for _ in range(2):
            await later(ada, 13 * 86_400)
            assert (await ada.refresh()).status_code == 200

        left = re.search(r"Max-Age=(\d+);", (await ada.present()).headers["set-cookie"])
        assert 4 * 86_400 - 60 <= int(left[1]) <= 4 * 86_400
        await later(ada, 5 * 86_400)
        assert_problem(await ada.present(), 401, "invalid_grant")

    async def test_after_fourteen_idle_days_is_refused(self, ada, later):
        """A session that nobody used for 14 days has expired."""
        await later(ada, 14 * 86_400 + 1)

        assert_problem(await ada.present(), 401, "invalid_grant")

    async def test_of_a_disabled_account_is_refused(self, service, ada):
        """A disabled account gets no new tokens."""
        await service.sql("UPDATE users SET status = 'disabled' WHERE email = :email", email=ada.email)

        assert_problem(await ada.present(), 401, "invalid_grant")

    async def test_keeps_the_cookie_of_a_refused_browser(self, stranger):
        """A 401 never clears the cookie: by now it may be that of another tab's new login."""
        answer = await stranger.present("rt1." + "A" * 43)

        assert "set-cookie" not in answer.headers


class TestTabsThatRefreshAtOnce:
    async def test_fifty_tabs(self, service, replica, ada, later):
        """Fifty at once, on two replicas, many times: all get the same refresh token, and one live one remains."""
        live = "SELECT count(*) FROM refresh_tokens WHERE session_id = :id AND used_at IS NULL"
        for _ in range(rounds(100)):
            elsewhere = Device(replica.client, refresh_token=ada.refresh_token)

            answers = await asyncio.gather(*(tab.present() for tab in (ada, elsewhere) * 25))

            assert {answer.status_code for answer in answers} == {200}
            assert len({token_in(answer) for answer in answers}) == 1
            assert token_in(answers[0]) != ada.refresh_token
            assert await service.sql(live, id=ada.answer["session_id"]) == [(1,)]
            ada.keep(answers[0])
            await later(ada, 11)
        assert await ada.is_signed_in()

    async def test_late_set_cookie(self, ada, later):
        """A tab's late answer puts the former token back: within ten seconds it is still alive."""
        late = cookie_in(await ada.present())
        await ada.refresh()
        await later(ada, 9)

        again = await ada.refresh()

        assert token_in(again) == late
        assert (await ada.present(late)).status_code == 200

    async def test_rotates_once_the_race_is_over(self, ada, later):
        """After ten seconds the token is exchanged again."""
        await ada.refresh()
        young = ada.refresh_token
        await later(ada, 11)

        assert token_in(await ada.refresh()) != young


class TestALostReply:
    @pytest.mark.parametrize(("seconds", "is_sent_again"), [(5, True), (29, True), (31, False)])
    async def test_lost_reply(self, ada, later, seconds, is_sent_again):
        """For half a minute, a client that never got its new token gets the very same for the old one.

        After that the old one is somebody else's: the session ends.
        """
        lost = token_in(await ada.present())
        await later(ada, seconds)

        answer = await ada.present()

        assert (answer.status_code == 200, token_in(answer) == lost) == (is_sent_again, is_sent_again)
        assert await ada.is_signed_in() is is_sent_again

    async def test_was_not_lost_once_the_new_token_came(self, ada, later):
        """When the new token has been used, the old one has ten seconds and no more."""
        old = ada.refresh_token
        await ada.refresh()
        await ada.refresh()
        await later(ada, 11)

        assert_problem(await ada.present(old), 401, "invalid_grant")
        assert not await ada.is_signed_in()


class TestAStolenToken:
    @pytest.fixture
    async def thief(self, client, ada, later):
        """Somebody who has copied the token of a browser, and renewed the session first; then time has passed."""
        thief = Device(client, refresh_token=ada.refresh_token)
        await thief.refresh()
        await later(ada, 31)
        return thief

    async def test_reuse_ends_the_session_although_401(self, service, ada, thief, revoked):
        """The owner's return is refused, and that is stored: the thief's tokens open nothing, here or elsewhere."""
        assert_problem(await ada.present(), 401, "invalid_grant")

        ended = "SELECT end_reason FROM sessions WHERE id = :id AND ended_at IS NOT NULL"
        assert await service.sql(ended, id=ada.answer["session_id"]) == [("refresh_reuse",)]
        assert_problem(await thief.present(), 401, "invalid_grant")
        assert_problem(await thief.me(), 401, "invalid_token")
        assert [(one["kind"], one["id"]) for one in await revoked(ada)] == [("sid", ada.answer["session_id"])]

    async def test_shows_whoever_comes_late(self, ada, thief):
        """It makes no difference which of the two is the thief."""
        copied, thief.refresh_token = ada.refresh_token, thief.refresh_token

        assert_problem(await thief.present(copied), 401, "invalid_grant")

        assert not await ada.is_signed_in()

    async def test_is_told_once(self, service, ada, thief):
        """One row in the audit log and one mail, however often both come back."""
        for device in (ada, thief, ada, thief):
            await device.present()

        found = await service.sql(
            "SELECT (SELECT count(*) FROM audit_events WHERE user_id = :id AND type = 'refresh_reuse'),"
            " (SELECT count(*) FROM outbox WHERE user_id = :text AND type = 'refresh_reuse')",
            id=ada.answer["user"]["id"],
            text=ada.answer["user"]["id"],
        )
        assert found == [(1, 1)]

    async def test_leaves_other_sessions_alone(self, ada, stranger, later):
        """Only the session whose token was stolen ends."""
        await stranger.login(ada.email)
        stolen = ada.refresh_token
        await ada.refresh()
        await later(ada, 31)
        await ada.present(stolen)

        assert (await stranger.refresh()).status_code == 200

    async def test_is_recognised_generations_later(self, ada, later):
        """However old the token is, its return ends the session."""
        stolen = ada.refresh_token
        for _ in range(3):
            await ada.refresh()
            await later(ada, 11)

        await ada.present(stolen)

        assert not await ada.is_signed_in()
