"""POST /oauth/token: the rules of /auth/refresh, in OAuth's words."""

import asyncio
import json
from base64 import urlsafe_b64decode

import pytest

from tests.auth_service.oauth.asking import APP, UNKNOWN, assert_refused, assert_uncached, exchange, renew
from tests.auth_service.running import PASSWORD, assert_problem

CHANGES = {
    ("PATCH", "/auth/me"): {"name": "Eve"},
    ("DELETE", "/auth/me"): None,
    ("POST", "/auth/email/change"): {"new_email": "eve@example.com", "password": PASSWORD},
    ("POST", "/auth/email/change/confirm"): {"token": "ot1." + "A" * 43},
    ("POST", "/auth/logout-all"): {},
    ("POST", "/auth/password/change"): {"current_password": PASSWORD, "new_password": "quite another passphrase"},
    ("DELETE", "/auth/sessions/{session_id}"): None,
}
"""Whatever changes an account by an access token."""


def claims(token):
    """What an access token says."""
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))


class TestExchanging:
    async def test_an_unknown_token_is_refused(self, app_of_ada):
        """A token that nobody was given opens nothing."""
        assert_refused(await exchange(app_of_ada, UNKNOWN), 400, "invalid_grant")

    async def test_gives_new_tokens(self, app_of_ada):
        """The members of RFC 6749 section 5.1, of the same session, and of no cache."""
        before, session = app_of_ada.refresh_token, app_of_ada.answer["session_id"]

        answer = await exchange(app_of_ada)

        assert_uncached(answer)
        given = answer.json()
        assert set(given) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
        assert (given["token_type"], given["scope"]) == ("Bearer", "todos:read todos:write")
        assert 500 < given["expires_in"] <= 600
        assert given["refresh_token"] != before
        assert (claims(given["access_token"])["sid"], claims(given["access_token"])["client_id"]) == (session, APP)

    async def test_is_the_exchange_of_auth(self, app_of_ada):
        """A token from here works there, and the other way round: there is one session."""
        await renew(app_of_ada)
        assert (await app_of_ada.refresh()).status_code == 200
        await renew(app_of_ada)

        assert await app_of_ada.is_signed_in()

    async def test_sets_no_cookie(self, app_of_ada):
        """Nothing here is for browsers."""
        assert "set-cookie" not in (await exchange(app_of_ada)).headers

    async def test_retries_get_one_successor(self, app_of_ada):
        """Ten at once, and one whose answer was lost, are honest: all get the same token."""
        answers = await asyncio.gather(*(exchange(app_of_ada) for _ in range(10)))

        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.json()["refresh_token"] for answer in answers}) == 1

    async def test_ignores_what_it_does_not_know(self, app_of_ada):
        """Unknown parameters, and known ones in the address, count for nothing (RFC 6749 section 3.2)."""
        form = {"grant_type": "refresh_token", "client_id": APP, "refresh_token": app_of_ada.refresh_token}

        answer = await app_of_ada.client.post(
            "/oauth/token?client_id=x&scope=admin", data=form | {"resource": "é", "client_secret": ""}
        )

        assert answer.status_code == 200

    async def test_of_a_cookie_session_is_refused(self, ada):
        """No script that gets hold of a browser's token can use it here, and trying ends nothing."""
        assert_refused(await exchange(ada), 400, "invalid_grant")

        assert (await ada.refresh()).status_code == 200

    async def test_of_a_disabled_account_is_refused(self, service, app_of_ada):
        """As everywhere."""
        await service.sql("UPDATE users SET status = 'disabled' WHERE email = :email", email=app_of_ada.email)

        assert_refused(await exchange(app_of_ada), 400, "invalid_grant")

    async def test_of_an_ended_session_is_refused(self, app_of_ada):
        """After a logout there is nothing to renew."""
        await app_of_ada.send_token("/auth/logout", app_of_ada.refresh_token)

        assert_refused(await exchange(app_of_ada), 400, "invalid_grant")

    async def test_after_fourteen_idle_days_is_refused(self, app_of_ada, later):
        """An expired token."""
        await later(app_of_ada, 14 * 86_400 + 1)

        assert_refused(await exchange(app_of_ada), 400, "invalid_grant")


class TestAStolenToken:
    @pytest.fixture
    async def stolen(self, app_of_ada, later):
        """What a thief copied before the owner came back, half a minute ago."""
        old = app_of_ada.refresh_token
        await renew(app_of_ada)
        await later(app_of_ada, 31)
        return old

    async def test_ends_the_session_although_400(self, app_of_ada, stolen):
        """Owner and thief are both out, which is stored although the answer is an error."""
        assert_refused(await exchange(app_of_ada, stolen), 400, "invalid_grant")

        assert_problem(await app_of_ada.me(), 401, "invalid_token")
        assert_refused(await exchange(app_of_ada), 400, "invalid_grant")

    async def test_is_written_down_mailed_and_told(self, service, app_of_ada, revoked, stolen):
        """The audit log, the owner and every service hear of it, once."""
        for _ in range(3):
            await exchange(app_of_ada, stolen)

        user_id, session_id = app_of_ada.answer["user"]["id"], app_of_ada.answer["session_id"]
        audit = "SELECT count(*) FROM audit_events WHERE user_id = :id AND type = 'refresh_reuse'"
        mail = "SELECT count(*) FROM outbox WHERE user_id = :id AND stream = 'auth:mail' AND type = 'refresh_reuse'"
        assert await service.sql(audit, id=user_id) == [(1,)]
        assert await service.sql(mail, id=user_id) == [(1,)]
        assert [(told["kind"], told["id"]) for told in await revoked(app_of_ada)] == [("sid", session_id)]

    async def test_is_no_alarm_from_a_foreign_client(self, app_of_ada, stolen):
        """Whoever names another client is refused before the token is looked at."""
        assert_refused(await exchange(app_of_ada, stolen, client_id="somebody"), 401, "invalid_client")

        assert await app_of_ada.is_signed_in()


class TestTheScope:
    async def test_may_be_narrowed(self, app_of_ada):
        """The access token then has that scope, and the answer says so (RFC 6749 section 5.1)."""
        given = await renew(app_of_ada, scope="todos:read")

        assert (given["scope"], claims(given["access_token"])["scope"]) == ("todos:read", "todos:read")

    async def test_is_whole_again_with_the_next_exchange(self, app_of_ada):
        """Narrowing concerns one access token: the refresh token keeps what it was given for (RFC 6749 section 6)."""
        await renew(app_of_ada, scope="todos:read")

        assert (await renew(app_of_ada))["scope"] == "todos:read todos:write"
        assert (await renew(app_of_ada, scope="todos:write"))["scope"] == "todos:write"

    async def test_may_be_named_in_any_order(self, app_of_ada):
        """All that the session has is no narrowing."""
        assert (await renew(app_of_ada, scope="todos:write todos:read"))["scope"] == "todos:read todos:write"

    @pytest.mark.parametrize(
        "scope", ["admin", "todos:read admin", "TODOS:READ", "todos", " ", "todos:read  todos:write"]
    )
    async def test_cannot_be_widened(self, app_of_ada, scope):
        """A scope that the session does not have is refused, and the token is not used up."""
        before = app_of_ada.refresh_token

        assert_refused(await exchange(app_of_ada, scope=scope), 400, "invalid_scope")

        assert (await renew(app_of_ada))["refresh_token"] != before

    @pytest.mark.parametrize("scope", ["todos:read", "todos:write"])
    @pytest.mark.parametrize(("method", "path"), sorted(CHANGES))
    async def test_that_was_narrowed_changes_no_account(self, service, app_of_ada, scope, method, path):
        """Who is lent a token for reading todos can neither delete the account, and all todos with it, nor log it out.

        It may look at the account; and it is refused before its password, or anything else, is looked at.
        """
        await renew(app_of_ada, scope=scope)
        missing = "todos:write" if scope == "todos:read" else "todos:read"

        url = path.replace("{session_id}", app_of_ada.answer["session_id"])
        answer = await service.client.request(method, url, json=CHANGES[method, path], headers=app_of_ada.bearer)

        assert_problem(answer, 403, "insufficient_scope")
        assert answer.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{missing}"'
        assert (await app_of_ada.me()).json()["name"] is None


class TestTheLimit:
    async def test_is_that_of_auth(self, new_service, redis_url):
        """Sixty refused exchanges a minute from one address, here and there together; good ones do not count."""
        service = await new_service(throttle_factor=1, redis_url=redis_url)
        app = await service.register(delivery="body")
        for _ in range(10):
            await renew(app)
        for _ in range(30):
            assert_problem(await app.present(UNKNOWN), 401, "invalid_grant")
            assert_refused(await exchange(app, UNKNOWN), 400, "invalid_grant")

        answer = await exchange(app)

        assert_problem(answer, 429, "rate_limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert_problem(await app.present(), 429, "rate_limited")


class TestTheClient:
    @pytest.mark.parametrize("client_id", ["somebody", "todo-web", "TODO-NATIVE", "todo-native "])
    async def test_must_be_the_app(self, app_of_ada, client_id):
        """Those of others, and of web pages, whose tokens are in cookies, get nothing."""
        assert_refused(await exchange(app_of_ada, client_id=client_id), 401, "invalid_client")

        assert (await renew(app_of_ada))["token_type"] == "Bearer"

    @pytest.mark.parametrize("field", ["Basic dG9kby1uYXRpdmU6", "Bearer x", "x", ""])
    @pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
    async def test_has_no_secret(self, app_of_ada, path, field):
        """Whoever authenticates is told that nothing could check it, and nothing is used up or ended."""
        form = {"grant_type": "refresh_token", "client_id": APP, "refresh_token": app_of_ada.refresh_token}
        form["token"] = app_of_ada.refresh_token

        answer = await app_of_ada.client.post(path, data=form, headers={"Authorization": field})

        assert_refused(answer, 401, "invalid_client")
        assert (await renew(app_of_ada))["token_type"] == "Bearer"
