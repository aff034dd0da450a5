"""POST /auth/logout"""

import pytest

from tests.auth_service.running import assert_problem, cookie_in


class TestLoggingOut:
    async def test_ends_the_session_of_the_cookie(self, ada):
        """After a logout neither the refresh token nor, here, the access token opens anything."""
        answer = await ada.send_token("/auth/logout", ada.refresh_token)

        assert answer.status_code == 204
        assert answer.headers["set-cookie"] == "todo_rt=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"
        assert_problem(await ada.present(), 401, "invalid_grant")
        assert_problem(await ada.me(), 401, "invalid_token")

    async def test_ends_the_session_of_the_body(self, app_of_ada):
        """An app sends its refresh token."""
        await app_of_ada.send_token("/auth/logout", app_of_ada.refresh_token)

        assert_problem(await app_of_ada.me(), 401, "invalid_token")

    async def test_ends_the_session_of_the_access_token(self, client, ada):
        """An access token names its session too."""
        await client.post("/auth/logout", headers=ada.bearer)

        assert_problem(await ada.present(), 401, "invalid_grant")

    async def test_ends_every_session_presented(self, client, service, ada, app_of_ada):
        """Cookie, body and access token may name three sessions: all end."""
        third = await service.register()
        headers = {"Cookie": f"todo_rt={ada.refresh_token}", **third.bearer}

        await client.post("/auth/logout", json={"refresh_token": app_of_ada.refresh_token}, headers=headers)

        for device in (ada, app_of_ada, third):
            assert_problem(await device.me(), 401, "invalid_token")

    async def test_works_with_a_used_token(self, ada):
        """A tab that missed the last refresh can still log out."""
        old = ada.refresh_token
        await ada.refresh()

        await ada.send_token("/auth/logout", old)

        assert_problem(await ada.present(), 401, "invalid_grant")

    @pytest.mark.parametrize(
        "headers", [{}, {"Cookie": "todo_rt=rt1.x"}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}]
    )
    async def test_answers_the_same_without_a_session(self, client, headers):
        """Logging out when nobody is signed in is no error."""
        answer = await client.post("/auth/logout", headers=headers)

        assert answer.status_code == 204
        assert cookie_in(answer) == ""

    async def test_leaves_other_sessions_alone(self, ada, stranger):
        """Logging out here does not log out there."""
        await stranger.login(ada.email)

        await stranger.send_token("/auth/logout", stranger.refresh_token)

        assert (await ada.refresh()).status_code == 200

    async def test_knows_no_other_field(self, client):
        """An unknown field is named."""
        assert_problem(await client.post("/auth/logout", json={"all": True}), 422, "validation_error")
