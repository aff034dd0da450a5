"""Other people's libraries against the whole set: they find their way by the metadata, and take our word for nothing.

Authlib is an OAuth client, PyJWT and joserfc verify access tokens as a service of somebody else's would.
"""

import asyncio
import json

import httpx
import jwt
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from tests.system.conftest import PEER, PEER_SECRET
from tests.waiting import until

INACTIVE = {"active": False}


@pytest.fixture(scope="session")
def metadata(running_set):
    """What the server says of itself (RFC 8414)."""
    return httpx.get(f"{running_set.url}/.well-known/oauth-authorization-server").json()


@pytest.fixture
async def ada(new_person):
    """Somebody with an account."""
    return await new_person()


@pytest.fixture
async def app(metadata, ada):
    """An app of theirs, built on Authlib, which has just logged in with their password."""
    person = {"email": ada.email, "password": ada.password}
    login = await ada.client.post("/auth/login", json=person, headers={"X-Token-Delivery": "body"})
    async with AsyncOAuth2Client("todo-native", token=login.json(), **metadata) as client:
        yield client


@pytest.fixture
async def reports(running_set, metadata):
    """A service, built on Authlib, that may ask about tokens."""
    if running_set.folder is None:
        pytest.skip("a set that runs already knows no service of the tests")
    async with AsyncOAuth2Client(PEER, PEER_SECRET) as client:

        async def ask(token):
            answer = await client.introspect_token(metadata["introspection_endpoint"], token)
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield ask


def todos(running_set):
    """The address of the todos."""
    return f"{running_set.url}/todos"


class TestAuthlib:
    async def test_refreshes(self, running_set, metadata, app):
        """With nothing but the metadata's address for it; the new token opens what the old one did."""
        before = dict(app.token)

        token = await app.refresh_token(metadata["token_endpoint"])

        assert set(token) >= {"access_token", "refresh_token", "expires_in", "expires_at", "scope"}
        assert token["refresh_token"] != before["refresh_token"]
        assert token["access_token"] != before["access_token"]
        assert (await app.get(todos(running_set))).json() == []

    async def test_refreshes_by_itself(self, running_set, app):
        """When its token has expired, before it asks for anything."""
        before = app.token["access_token"]
        app.token["expires_at"] = 1

        assert (await app.get(todos(running_set))).status_code == 200
        assert app.token["access_token"] != before

    async def test_narrows_its_scope(self, running_set, metadata, app):
        """A token that may only read does not write; the one after it does."""
        narrow = await app.refresh_token(metadata["token_endpoint"], scope="todos:read")
        read, write = await app.get(todos(running_set)), await app.post(todos(running_set), json={"title": "Never"})
        assert narrow["scope"] == "todos:read"
        assert (read.status_code, write.status_code, write.json()["code"]) == (200, 403, "insufficient_scope")
        assert write.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="todos:write"'

        whole = await app.refresh_token(metadata["token_endpoint"])
        assert whole["scope"] == "todos:read todos:write"
        assert (await app.post(todos(running_set), json={"title": "Buy milk"})).status_code == 201

    async def test_cannot_widen_its_scope(self, metadata, app):
        """It raises what it reads in the answer, and can go on."""
        with pytest.raises(OAuthError) as refused:
            await app.refresh_token(metadata["token_endpoint"], scope="todos:read admin")

        assert refused.value.error == "invalid_scope"
        assert await app.refresh_token(metadata["token_endpoint"])

    async def test_cannot_trade_a_password(self, metadata, ada):
        """The grant that OAuth 2.1 has dropped is none."""
        async with AsyncOAuth2Client("todo-native") as client:
            with pytest.raises(OAuthError) as refused:
                await client.fetch_token(metadata["token_endpoint"], username=ada.email, password=ada.password)

        assert refused.value.error == "unsupported_grant_type"

    async def test_revokes(self, running_set, metadata, app):
        """The session's end reaches the todo-service, and the refresh token is dead at once."""
        bearer = {"Authorization": f"Bearer {app.token['access_token']}"}

        answer = await app.revoke_token(metadata["revocation_endpoint"], token_type_hint="refresh_token")

        assert answer.status_code == 200
        with pytest.raises(OAuthError) as refused:
            await app.refresh_token(metadata["token_endpoint"])
        assert refused.value.error == "invalid_grant"
        async with httpx.AsyncClient(base_url=running_set.url, headers=bearer) as client:
            await until(lambda: _is_refused(client))

    async def test_introspects(self, metadata, app, reports):
        """A token is live until its session ends, and says what it says."""
        token = dict(app.token)
        found = await reports(token["access_token"])
        assert found["active"]
        assert (found["iss"], found["sid"], found["scope"]) == (metadata["issuer"], token["session_id"], token["scope"])
        assert await reports(token["refresh_token"]) == INACTIVE

        await app.revoke_token(metadata["revocation_endpoint"], token["access_token"], "access_token")

        assert await reports(token["access_token"]) == INACTIVE

    async def test_introspects_nothing_with_a_wrong_secret(self, metadata, app):
        """401, and which scheme would be right."""
        async with AsyncOAuth2Client(PEER, PEER_SECRET + "x") as client:
            answer = await client.introspect_token(metadata["introspection_endpoint"], app.token["access_token"])

        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        assert answer.headers["www-authenticate"] == 'Basic realm="oauth"'


class TestVerifiers:
    async def test_pyjwt(self, metadata, app):
        """`PyJWKClient` fetches the keys where the metadata says they are."""
        client, token = jwt.PyJWKClient(metadata["jwks_uri"]), app.token["access_token"]

        key = await asyncio.to_thread(client.get_signing_key_from_jwt, token)
        claims = jwt.decode(token, key, ["ES256"], audience="todo-api", issuer=metadata["issuer"])

        assert claims["sid"] == app.token["session_id"]
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(forged(token), key, ["ES256"], audience="todo-api", issuer=metadata["issuer"])

    async def test_joserfc(self, metadata, app):
        """It takes the set, and picks the key itself; a token after a refresh is as good."""
        async with httpx.AsyncClient() as client:
            keys = KeySet.import_key_set((await client.get(metadata["jwks_uri"])).json())
        registry = joserfc_jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": metadata["issuer"]}, aud={"essential": True, "value": "todo-api"}
        )
        for _ in range(2):
            read = joserfc_jwt.decode(app.token["access_token"], keys, algorithms=["ES256"])
            registry.validate(read.claims)
            assert read.header["typ"] == "at+jwt"
            await app.refresh_token(metadata["token_endpoint"])


class TestTheWayIn:
    async def test_the_docs_page_shows_them(self, running_set, metadata):
        """The merged document has every endpoint of the metadata, each with its form."""
        async with httpx.AsyncClient(base_url=running_set.url) as client:
            document = (await client.get("/openapi.json")).json()

        for name in ("token", "revocation", "introspection"):
            path = metadata[f"{name}_endpoint"].removeprefix(metadata["issuer"])
            body = document["paths"][path]["post"]["requestBody"]["content"]
            assert list(body) == ["application/x-www-form-urlencoded"]
        assert document["components"]["securitySchemes"]["HTTPBasic"]["scheme"] == "basic"
        assert "/.well-known/oauth-authorization-server" in document["paths"]

    async def test_a_page_may_exchange_too(self, running_set):
        """CORS holds here as elsewhere: an error can be read by the frontend, and by no other page."""
        form = {"grant_type": "refresh_token", "client_id": "todo-native", "refresh_token": "x"}
        async with httpx.AsyncClient(base_url=running_set.url) as client:
            ours = await client.post("/oauth/token", data=form, headers={"Origin": "http://localhost:3000"})
            foreign = await client.post("/oauth/token", data=form, headers={"Origin": "https://evil.example"})

        assert (ours.status_code, ours.json()["error"]) == (400, "invalid_grant")
        assert ours.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert (foreign.status_code, foreign.json()["code"]) == (403, "cors_forbidden")

    @pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
    async def test_ends_at_sixteen_kilobytes(self, running_set, path):
        """The gateway stops a megabyte, and says so in HTTP's words."""
        async with httpx.AsyncClient(base_url=running_set.url) as client:
            answer = await client.post(path, data={"token": "x" * 1_048_576})
            other = await client.get(path)

        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert (other.status_code, other.headers["allow"]) == (405, "POST, OPTIONS")


async def _is_refused(client):
    return (await client.get("/todos")).status_code == 401


def forged(token):
    """The token with another payload under the same signature."""
    header, _, signature = token.split(".")
    other = jwt.utils.base64url_encode(json.dumps({"sub": "somebody"}).encode()).decode()
    return f"{header}.{other}.{signature}"
