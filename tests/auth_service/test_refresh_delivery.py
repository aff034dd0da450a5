"""POST /auth/refresh: how refresh tokens travel, and what a new AUTH_SECRET does to them."""

import pytest

from tests.auth_service.running import AUTH_SECRET, Device, assert_problem, cookie_in, token_in


class TestDelivery:
    async def test_in_the_body_needs_its_header(self, client, app_of_ada):
        """A token in the body without `X-Token-Delivery: body` is refused before anything happens to it."""
        answer = await client.post("/auth/refresh", json={"refresh_token": app_of_ada.refresh_token})

        assert_problem(answer, 400, "token_delivery_required")
        assert (await app_of_ada.refresh()).status_code == 200

    async def test_stays_as_it_was(self, app_of_ada, ada):
        """An app gets its token in the body, a browser in its cookie."""
        in_body, in_cookie = await app_of_ada.refresh(), await ada.refresh()

        assert "set-cookie" not in in_body.headers
        assert "refresh_token" not in in_cookie.json()

    async def test_cannot_be_talked_out_of_the_cookie(self, client, ada):
        """A script that asks for the token in the body gets none: the cookie stays the only place."""
        headers = {"Cookie": f"todo_rt={ada.refresh_token}", "X-Token-Delivery": "body"}

        answer = await client.post("/auth/refresh", json={}, headers=headers)

        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()
        assert cookie_in(answer)

    async def test_is_of_the_session(self, client, ada, app_of_ada):
        """A cookie session's token is refused in the body, and the other way round; neither session suffers."""
        assert_problem(await Device(client, "body").present(ada.refresh_token), 401, "invalid_grant")
        assert_problem(await Device(client).present(app_of_ada.refresh_token), 401, "invalid_grant")

        assert (await ada.refresh()).status_code == 200
        assert (await app_of_ada.refresh()).status_code == 200

    @pytest.mark.parametrize("value", ["header", "BODY", "body,body"])
    async def test_has_two_ways(self, client, value):
        """The header says `body` or `cookie`, or is refused."""
        answer = await client.post("/auth/refresh", headers={"X-Token-Delivery": value})

        assert_problem(answer, 422, "validation_error")

    @pytest.mark.parametrize("body", [{"token": "x"}, {"refresh_token": 1}, {"refresh_token": "x" * 513}, []])
    async def test_checks_the_body(self, client, body):
        """Fields of the body are checked as everywhere."""
        answer = await client.post("/auth/refresh", json=body, headers={"X-Token-Delivery": "body"})

        assert_problem(answer, 422, "validation_error")


class TestANewAuthSecret:
    NEW = "another secret of the auth-service alone"

    async def test_secret_change_keeps_sessions(self, new_service):
        """With the former secret as AUTH_SECRET_PREVIOUS everybody stays signed in, a lost reply included."""
        before = await new_service()
        here, lost = await before.register(), await before.register()
        reply = token_in(await lost.present())
        after = await new_service(before.settings.database_url, auth_secret=self.NEW, auth_secret_previous=AUTH_SECRET)
        here.client = lost.client = after.client

        assert (await here.refresh()).status_code == 200
        assert token_in(await lost.refresh()) == reply
        assert await here.is_signed_in()

    async def test_without_the_former_one_is_no_alarm(self, new_service, service):
        """A successor that cannot be computed any more is refused, and nobody's session ends."""
        before = await new_service()
        lost = await before.register()
        await lost.present()
        await before.sql("DELETE FROM signing_keys")
        after = await new_service(before.settings.database_url, auth_secret=self.NEW)
        lost.client = after.client

        assert_problem(await lost.present(), 401, "invalid_grant")

        assert await after.sql("SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL") == [(0,)]
