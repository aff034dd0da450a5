"""POST /oauth/revoke (RFC 7009)"""

import pytest

from tests.auth_service.oauth.asking import UNKNOWN, assert_refused, assert_uncached, exchange, renew
from tests.auth_service.running import assert_problem
from tests.auth_service.test_me import own_shape


@pytest.fixture
def revoke(client):
    """`await revoke(token)`"""

    async def revoke(token, **further):
        return await client.post("/oauth/revoke", data={"token": token} | further)

    return revoke


class TestRevoking:
    @pytest.mark.parametrize(
        "further",
        [{}, {"client_id": "todo-native"}, {"token_type_hint": "access_token"}, {"token_type_hint": "x"}],
        ids=str,
    )
    async def test_ends_the_session_of_a_refresh_token(self, app_of_ada, revoke, further):
        """With all its tokens. A hint, even a wrong one, changes nothing (RFC 7009 section 2.2)."""
        answer = await revoke(app_of_ada.refresh_token, **further)

        assert (answer.status_code, answer.content) == (200, b"")
        assert_uncached(answer)
        assert_refused(await exchange(app_of_ada), 400, "invalid_grant")
        assert_problem(await app_of_ada.me(), 401, "invalid_token")

    async def test_ends_the_session_of_an_access_token(self, app_of_ada, revoke):
        """Its refresh token is dead too."""
        assert (await revoke(app_of_ada.answer["access_token"])).status_code == 200

        assert_refused(await exchange(app_of_ada), 400, "invalid_grant")

    async def test_works_with_a_used_token(self, app_of_ada, revoke):
        """An app that missed the last answer can still end its session."""
        old = app_of_ada.refresh_token
        await renew(app_of_ada)

        await revoke(old)

        assert_refused(await exchange(app_of_ada), 400, "invalid_grant")

    async def test_works_for_a_cookie_session(self, ada, revoke):
        """Whoever finds a token may end it."""
        await revoke(ada.refresh_token, client_id="todo-web")

        assert_problem(await ada.me(), 401, "invalid_token")

    async def test_is_a_logout(self, service, app_of_ada, revoke, revoked):
        """Written down as one, and every service hears of it; a second time there is nothing to end."""
        for _ in range(2):
            await revoke(app_of_ada.refresh_token)

        rows = await service.sql(
            "SELECT type FROM audit_events WHERE user_id = :id ORDER BY id", id=app_of_ada.answer["user"]["id"]
        )
        assert rows == [("registered",), ("logout",)]
        assert [told["id"] for told in await revoked(app_of_ada)] == [app_of_ada.answer["session_id"]]

    async def test_leaves_other_sessions_alone(self, app_of_ada, service, revoke):
        """Of the same person too."""
        elsewhere = type(app_of_ada)(service.client, delivery="body")
        await elsewhere.login(app_of_ada.email)

        await revoke(elsewhere.refresh_token)

        assert await app_of_ada.is_signed_in()

    @pytest.mark.parametrize("token", [UNKNOWN, "x", "a.b.c", "rt1.", "e30.e30.e30"])
    async def test_an_unknown_token_is_gone_already(self, revoke, token):
        """200: what is asked for holds (RFC 7009 section 2.2)."""
        answer = await revoke(token)

        assert (answer.status_code, answer.content) == (200, b"")

    async def test_a_token_that_lost_its_end_ends_nothing(self, app_of_ada, revoke):
        """Truncated ones are unknown ones."""
        for token in (app_of_ada.refresh_token, app_of_ada.answer["access_token"]):
            assert (await revoke(token[:-1])).status_code == 200

        assert await app_of_ada.is_signed_in()

    async def test_somebody_elses_session_is_safe(self, ada, app_of_ada, revoke):
        """A token in our shape with two people's ids ends neither's session."""
        token = own_shape(sub=ada.answer["user"]["id"], sid=app_of_ada.answer["session_id"])

        assert (await revoke(token)).status_code == 200
        assert await app_of_ada.is_signed_in()

    async def test_for_an_unknown_client_is_refused(self, app_of_ada, revoke):
        """A client need not say who it is; when it does, it is one of ours."""
        assert_refused(await revoke(app_of_ada.refresh_token, client_id="somebody"), 401, "invalid_client")

        assert await app_of_ada.is_signed_in()
