"""POST /oauth/introspect (RFC 7662)"""

import time
from base64 import b64encode
from hashlib import sha256
from urllib.parse import quote_plus

import pytest
from jose import jwt

from tests.auth_service.oauth.asking import PEER, SECRET, UNKNOWN, Peer, assert_refused, basic, renew
from tests.auth_service.oauth.conftest import OLD_SECRET
from tests.auth_service.running import PUBLIC_URL, SHARED_SECRET
from tests.auth_service.test_me import own_shape

INACTIVE = {"active": False}


class TestWhoMayAsk:
    @pytest.mark.parametrize(
        "field",
        {
            "nothing": None,
            "empty": "",
            "no credentials": "Basic",
            "no secret": basic(PEER, ""),
            "no name": basic("", SECRET),
            "wrong secret": basic(PEER, SECRET + "x"),
            "another's secret": basic("other", SECRET),
            "unknown": basic("somebody", SECRET),
            "the hash itself": basic("other", "0" * 64),
            "no colon": f"Basic {b64encode(PEER.encode()).decode()}",
            "broken base64": basic(PEER, SECRET)[:-1],
            "junk in base64": basic(PEER, SECRET)[:20] + "!!" + basic(PEER, SECRET)[20:],
            "bytes": "Basic \xff\xfe",
            "no text": f"Basic {b64encode(bytes(range(256))).decode()}",
            "in clear": f"Basic {PEER}:{SECRET}",
            "Bearer": f"Bearer {basic(PEER, SECRET)[6:]}",
            "Digest": f"Digest {basic(PEER, SECRET)[6:]}",
        }.items(),
        ids=lambda case: case[0],
    )
    async def test_nobody_else(self, client, ada, field):
        """Without the credentials of a known service the answer is 401, about live tokens and about none."""
        headers = {} if field[1] is None else {"Authorization": field[1].encode("latin-1")}

        for token in (ada.answer["access_token"], "x"):
            answer = await client.post("/oauth/introspect", data={"token": token}, headers=headers)
            assert_refused(answer, 401, "invalid_client")

    async def test_not_the_user_either(self, client, ada):
        """An access token is no service's credential."""
        answer = await client.post("/oauth/introspect", data={"token": "x"}, headers=ada.bearer)

        assert_refused(answer, 401, "invalid_client")

    async def test_credentials_in_the_form_are_none(self, client, ada):
        """`client_secret_post` is not among the methods."""
        form = {"token": ada.answer["access_token"], "client_id": PEER, "client_secret": SECRET}

        assert_refused(await client.post("/oauth/introspect", data=form), 401, "invalid_client")

    async def test_two_credentials_are_one_too_many(self, client, ada):
        """Of two, nobody could say which counts."""
        headers = [("Authorization", basic(PEER, SECRET)), ("Authorization", basic(PEER, "x"))]

        answer = await client.post("/oauth/introspect", data={"token": "x"}, headers=headers)

        assert_refused(answer, 400, "invalid_request")

    @pytest.mark.parametrize("secret", [SECRET, OLD_SECRET])
    @pytest.mark.parametrize("written", [str, quote_plus])
    @pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC "])
    async def test_a_known_service(self, peer, ada, secret, written, scheme):
        """By either of two secrets, form-encoded (RFC 6749 section 2.3.1) or as half of the libraries write it."""
        field = basic(PEER, written(secret)).replace("Basic", scheme)

        answer = await peer.ask(ada.answer["access_token"], Authorization=field)

        assert (answer.status_code, answer.json()["active"]) == (200, True)

    async def test_nobody_by_default(self, new_service):
        """Without INTROSPECTION_CLIENTS nobody is let in, not even with nothing at all."""
        service = await new_service()

        for field in (basic("", ""), basic(PEER, SECRET)):
            assert_refused(await Peer(service.client).ask("x", Authorization=field), 401, "invalid_client")


class TestALiveToken:
    async def test_says_what_it_says(self, peer, ada):
        """Claims as they are in the token, and how to use it (RFC 7662 section 2.2)."""
        claims = ada.claims

        found = await peer.finds(ada.answer["access_token"])

        names = ("iss", "aud", "sub", "client_id", "sid", "scope", "exp", "iat", "jti", "ver")
        assert found == {"active": True, "token_type": "Bearer"} | {name: claims[name] for name in names}
        assert (found["iss"], found["aud"]) == (PUBLIC_URL, "todo-api")

    async def test_says_its_own_scope(self, peer, app_of_ada):
        """A narrowed token is a narrow one."""
        await renew(app_of_ada, scope="todos:read")

        assert (await peer.finds(app_of_ada.answer["access_token"]))["scope"] == "todos:read"

    async def test_of_the_other_mode_has_no_audience(self, new_service):
        """As the token itself."""
        service = await new_service(
            jwt_signing_alg="HS256", introspection_clients=f"{PEER}:{sha256(SECRET.encode()).hexdigest()}"
        )
        ada = await service.register()

        found = await Peer(service.client).finds(ada.answer["access_token"])

        assert found["active"]
        assert found["jti"] == ada.claims["jti"]
        assert "aud" not in found


class TestWhatOpensNothing:
    @pytest.mark.parametrize("token", [UNKNOWN, "x", "a.b.c", "e30.e30.e30", "ot1." + "A" * 43])
    async def test_an_unknown_token(self, peer, token):
        """It says no more than that."""
        assert await peer.finds(token) == INACTIVE

    async def test_a_refresh_token(self, peer, app_of_ada):
        """It is nobody's business but its holder's and ours."""
        assert await peer.finds(app_of_ada.refresh_token) == INACTIVE

    async def test_a_truncated_token(self, peer, ada):
        """Or one with another signature."""
        token = ada.answer["access_token"]

        assert await peer.finds(token[:-1]) == INACTIVE
        assert await peer.finds(token.rpartition(".")[0] + "." + "A" * 86) == INACTIVE

    async def test_an_ended_session(self, peer, ada):
        """At once: the session is looked up."""
        assert (await peer.finds(ada.answer["access_token"]))["active"]

        await ada.send_token("/auth/logout", ada.refresh_token)

        assert await peer.finds(ada.answer["access_token"]) == INACTIVE

    async def test_an_expired_session(self, service, peer, ada):
        """Even if its token would go on for a while."""
        await service.sql(
            "UPDATE sessions SET absolute_expires_at = clock_timestamp() WHERE id = :id", id=ada.answer["session_id"]
        )

        assert await peer.finds(ada.answer["access_token"]) == INACTIVE

    @pytest.mark.parametrize(
        "change", ["status = 'disabled'", "status = 'deleting'", "token_version = token_version + 1"]
    )
    async def test_an_account_that_changed(self, service, peer, ada, change):
        """Disabled, being deleted, or logged out everywhere."""
        await service.sql(f"UPDATE users SET {change} WHERE email = :email", email=ada.email)

        assert await peer.finds(ada.answer["access_token"]) == INACTIVE

    async def test_a_deleted_account(self, service, peer, ada):
        """Nobody is there any more."""
        await service.sql("DELETE FROM users WHERE email = :email", email=ada.email)

        assert await peer.finds(ada.answer["access_token"]) == INACTIVE

    async def test_an_expired_token(self, peer, ada):
        """Of a session that goes on. Signed by the shared secret, which makes tokens in our shape too."""
        now, who = int(time.time()), {"sub": ada.answer["user"]["id"], "sid": ada.answer["session_id"]}

        assert (await peer.finds(own_shape(**who)))["active"]
        assert await peer.finds(own_shape(**who, iat=now - 700, exp=now)) == INACTIVE

    async def test_a_frontends_token(self, peer, ada):
        """Every service takes it, but there is no session of ours behind it."""
        token = jwt.encode({"sub": ada.answer["user"]["id"], "exp": time.time() + 60}, SHARED_SECRET, "HS256")

        assert await peer.finds(token) == INACTIVE

    async def test_two_peoples_ids(self, peer, ada, app_of_ada):
        """One user's session is no other user's."""
        token = own_shape(sub=ada.answer["user"]["id"], sid=app_of_ada.answer["session_id"])

        assert await peer.finds(token) == INACTIVE
