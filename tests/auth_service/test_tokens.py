"""The access tokens, as those who verify them see them."""

import json
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jose import jwt

from tests.auth_service.running import PUBLIC_URL, SHARED_SECRET

CLAIMS = {
    *("iss", "sub", "client_id", "iat", "exp", "jti", "sid", "scope", "ver"),
    *("auth_time", "amr", "email", "email_verified"),
}


def decoded(part):
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def parts_of(token):
    header, payload, signature = token.split(".")
    return json.loads(decoded(header)), json.loads(decoded(payload)), decoded(signature)


@pytest.fixture
async def symmetric(new_service):
    """A service that signs with the shared secret."""
    return await new_service(jwt_signing_alg="HS256")


class TestAnAccessToken:
    async def test_has_exactly_these_claims(self, ada):
        """Everything that a service needs to know of its caller, and nothing else."""
        header, claims, _ = parts_of(ada.answer["access_token"])

        assert (header["alg"], header["typ"], set(header)) == ("ES256", "at+jwt", {"alg", "typ", "kid"})
        assert set(claims) == CLAIMS | {"aud"}
        assert (claims["iss"], claims["aud"]) == (PUBLIC_URL, "todo-api")
        assert claims["sub"] == ada.answer["user"]["id"]
        assert claims["sid"] == ada.answer["session_id"]
        assert (claims["scope"], claims["ver"], claims["amr"]) == ("todos:read todos:write", 0, ["pwd"])
        assert (claims["email"], claims["email_verified"]) == (ada.email, False)
        assert claims["exp"] - claims["iat"] == ada.answer["expires_in"]
        assert abs(claims["auth_time"] - claims["iat"]) <= 2
        assert all(type(claims[name]) is int for name in ("iat", "exp", "auth_time", "ver"))

    async def test_says_which_client(self, ada, app_of_ada):
        """Browsers and apps are told apart."""
        web, native = (parts_of(device.answer["access_token"])[1] for device in (ada, app_of_ada))

        assert (web["client_id"], native["client_id"]) == ("todo-web", "todo-native")

    async def test_is_short(self, ada):
        """It travels with every request."""
        assert len(ada.answer["access_token"]) < 1000

    async def test_expires_at_different_times(self, service):
        """Lifetimes differ by up to five percent, so that clients do not refresh in step."""
        lifetimes = {(await service.register()).answer["expires_in"] for _ in range(8)}

        assert len(lifetimes) > 1
        assert all(570 <= lifetime <= 600 for lifetime in lifetimes)

    async def test_verifies_by_the_published_keys(self, client, ada):
        """Whoever reads the key set can check the signature with nothing of ours."""
        token = ada.answer["access_token"]
        header, _, signature = parts_of(token)
        keys = (await client.get("/.well-known/jwks.json")).json()["keys"]
        (jwk,) = (key for key in keys if key["kid"] == header["kid"])
        x, y = (int.from_bytes(decoded(jwk[name]), "big") for name in ("x", "y"))
        r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))

        EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key().verify(
            encode_dss_signature(r, s), token.rpartition(".")[0].encode(), ECDSA(SHA256())
        )

    async def test_is_made_of_the_user_as_they_are_now(self, service, ada):
        """A refresh brings the token up to date."""
        await service.sql("UPDATE users SET email_verified_at = now() WHERE email = :email", email=ada.email)

        await ada.refresh()

        assert parts_of(ada.answer["access_token"])[1]["email_verified"] is True


class TestTheKeySet:
    async def test_shows_public_keys_only(self, client):
        """What is needed to verify, to be kept for five minutes."""
        answer = await client.get("/.well-known/jwks.json")

        assert answer.headers["cache-control"] == "public, max-age=300"
        (key,) = answer.json()["keys"]
        assert set(key) == {"kty", "crv", "x", "y", "kid", "alg", "use"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")


class TestSigningWithTheSharedSecret:
    async def test_plain_decode(self, symmetric):
        """Whoever holds the secret decodes a token with one plain call."""
        device = await symmetric.register()

        claims = jwt.decode(device.answer["access_token"], SHARED_SECRET, algorithms=["HS256"])

        assert set(claims) == CLAIMS
        assert claims["sub"] == device.answer["user"]["id"]

    async def test_has_no_kid(self, symmetric):
        """There is one secret, and `typ` tells the token from a Better Auth frontend's."""
        device = await symmetric.register()

        assert parts_of(device.answer["access_token"])[0] == {"alg": "HS256", "typ": "at+jwt"}

    async def test_signs_nobody_out(self, symmetric, new_service):
        """Tokens of either mode stay valid when the mode is switched, and the keys stay published."""
        before = await symmetric.register()
        switched = await new_service(symmetric.settings.database_url)
        after = await switched.register()
        keys = (await symmetric.client.get("/.well-known/jwks.json")).json()["keys"]
        before.client, after.client = switched.client, symmetric.client

        assert (await before.me()).status_code == 200
        assert (await after.me()).status_code == 200
        assert len(keys) == 1
