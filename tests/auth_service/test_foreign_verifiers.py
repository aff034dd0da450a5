"""Other people's libraries verify our access tokens with nothing but the published keys."""

import asyncio
import json

import jwt
import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet

from tests.auth_service.running import PUBLIC_URL, SHARED_SECRET
from tests.shared.tokens.key_server import key_server

RULES = {"algorithms": ["ES256"], "audience": "todo-api", "issuer": PUBLIC_URL}


@pytest.fixture
async def published(service):
    """The key set as the service answers it, at an address that a library can fetch."""
    keys = (await service.client.get("/.well-known/jwks.json")).json()["keys"]
    async with key_server(*keys) as server:
        yield server


def forged(token):
    """The token with the first character of its signature changed."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


class TestPyJwt:
    async def test_finds_the_key_by_its_id(self, published, ada):
        """`PyJWKClient` reads the set, picks the key that the token names, and the claims are as they should be."""
        token, client = ada.answer["access_token"], jwt.PyJWKClient(published.url)

        key = await asyncio.to_thread(client.get_signing_key_from_jwt, token)
        claims = jwt.decode(token, key.key, **RULES)

        assert claims["sub"] == ada.answer["user"]["id"]
        with pytest.raises(jwt.InvalidSignatureError):
            jwt.decode(forged(token), key.key, **RULES)

    async def test_reads_the_set_again_for_a_key_it_does_not_know(self, published, ada):
        """A client that has read an older set finds a new key with its first token."""
        token, newest = ada.answer["access_token"], published.document
        # Else it asks again only half a minute after it has read the set.
        client = jwt.PyJWKClient(published.url, cooldown_duration=0)
        older = json.loads(newest)["keys"][0] | {"kid": "an older one"}
        published.publish(older)
        await asyncio.to_thread(client.get_signing_keys)
        published.document = newest

        key = await asyncio.to_thread(client.get_signing_key_from_jwt, token)

        assert jwt.decode(token, key.key, **RULES)["sid"] == ada.answer["session_id"]

    async def test_reads_the_other_mode_with_the_secret(self, new_service):
        """A token by the shared secret needs no audience."""
        device = await (await new_service(jwt_signing_alg="HS256")).register()

        claims = jwt.decode(device.answer["access_token"], SHARED_SECRET, algorithms=["HS256"], issuer=PUBLIC_URL)

        assert claims["sub"] == device.answer["user"]["id"]


class TestJoserfc:
    async def test_verifies_by_the_key_set(self, published, ada):
        """It takes the whole set and picks the key itself."""
        keys = KeySet.import_key_set(json.loads(published.document))
        token = ada.answer["access_token"]

        read = joserfc_jwt.decode(token, keys, algorithms=["ES256"])

        joserfc_jwt.JWTClaimsRegistry(iss={"essential": True, "value": PUBLIC_URL}).validate(read.claims)
        assert read.header["typ"] == "at+jwt"
        assert read.claims["sub"] == ada.answer["user"]["id"]
        with pytest.raises(BadSignatureError):
            joserfc_jwt.decode(forged(token), keys, algorithms=["ES256"])
