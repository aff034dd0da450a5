"""The kinds of tokens that are accepted, and whom they name."""

import json

import pytest
from jose import jwt

from shared.tokens import Reason
from tests.shared.tokens.minting import (
    DROP,
    NOW,
    PREVIOUS_SECRET,
    SECRET,
    better_auth_token,
    own_claims,
    own_hs256_token,
    own_token,
)


class TestOurOwnToken:
    @pytest.mark.parametrize("mode", ["ES256", "HS256"])
    async def test_names_its_user_and_session(self, verifier, signing_key, mode):
        """Every claim of an own token is in the principal, the same in both signing modes."""
        token = own_token(signing_key) if mode == "ES256" else own_hs256_token()

        user = await verifier.verify(token)

        said = own_claims()
        assert (user.id, user.sid, user.jti) == (said["sub"], said["sid"], said["jti"])
        assert user.scopes == {"todos:read", "todos:write"}
        assert (user.ver, user.auth_time, user.amr) == (1, NOW - 10, ("pwd",))
        assert user.client_id == "todo-web"
        assert user.own

    async def test_email_counts_although_unverified(self, verifier, signing_key):
        """The auth-service decides who gets a token, so the address of an own token always counts."""
        user = await verifier.verify(own_token(signing_key, email_verified=False))

        assert (user.email, user.email_verified) == ("ada@example.com", False)

    @pytest.mark.parametrize("optional", ["auth_time", "amr", "email", "email_verified"])
    async def test_does_without(self, verifier, signing_key, optional):
        """What only some readers need may be missing."""
        assert await verifier.verify(own_token(signing_key, **{optional: DROP}))

    async def test_hs256_carries_no_audience(self, refusal):
        """An own HS256 token with an audience is none that the auth-service issued."""
        assert await refusal(own_hs256_token(aud="todo-api")) is Reason.AUDIENCE

    async def test_plain_decode_reads_the_hs256_one(self):
        """A holder of the secret reads an own HS256 token with python-jose's plain call."""
        token = own_hs256_token(exp=NOW + 10**9, iat=NOW + 10**9 - 600)

        assert jwt.decode(token, SECRET, algorithms=["HS256"])["sub"] == own_claims()["sub"]


class TestABetterAuthToken:
    @pytest.mark.parametrize("typ", ["JWT", DROP])
    async def test_names_its_user(self, verifier, typ):
        """The `sub` is the user, whatever its form; there is no session and no scope."""
        user = await verifier.verify(better_auth_token(header={"typ": typ}))

        assert user.id == "Zk3v0RqTnYw8LxJ1cU5aBd7eFh9gKm2p"
        assert (user.scopes, user.sid, user.ver, user.own) == (None, None, None, False)
        assert user.email == "grace@example.com"

    async def test_minted_by_python_jose(self, verifier):
        """What `jwt.encode({"sub": …, "exp": …}, secret)` makes is accepted as it stands."""
        token = jwt.encode({"sub": "user-1", "exp": NOW + 60}, SECRET, algorithm="HS256")

        assert (await verifier.verify(token)).id == "user-1"

    @pytest.mark.parametrize("token", [better_auth_token, own_hs256_token])
    async def test_signed_with_the_previous_secret(self, verifier, token):
        """A changed secret ends no session while the one before it is configured."""
        assert await verifier.verify(token(secret=PREVIOUS_SECRET))

    async def test_kid_is_ignored(self, verifier):
        """An id of some other system's key changes nothing."""
        assert await verifier.verify(better_auth_token(header={"kid": "theirs"}))

    async def test_scope_restricts(self, verifier):
        """A token that names scopes has those alone."""
        assert (await verifier.verify(better_auth_token(scope="todos:read"))).scopes == {"todos:read"}

    async def test_cannot_claim_a_session(self, verifier):
        """Our own session's claims mean nothing in somebody else's token."""
        user = await verifier.verify(better_auth_token(sid="s", ver=9, client_id="todo-web", amr=["pwd"], jti="j"))

        assert (user.sid, user.ver, user.client_id, user.amr, user.jti) == (None, None, None, (), None)

    @pytest.mark.parametrize("name", ["email_verified", "emailVerified"])
    @pytest.mark.parametrize(
        ("value", "email", "verified"),
        [(True, "grace@example.com", True), (False, None, False), ("true", None, False), (None, None, False)],
    )
    async def test_email_counts_unless_unverified(self, verifier, name, value, email, verified):
        """Only a boolean says that an address is verified; one that is not gets no mail."""
        user = await verifier.verify(better_auth_token(**{name: value}))

        assert (user.email, user.email_verified) == (email, verified)

    async def test_needs_an_end(self, refusal, verifier_with):
        """Without `exp` it is refused, unless the settings allow that."""
        endless = better_auth_token(exp=DROP)

        assert await refusal(endless) is Reason.CLAIMS
        assert await verifier_with(better_auth_require_exp=False).verify(endless)

    async def test_lifetime_cap(self, refusal, verifier_with):
        """A cap on the time left refuses longer tokens, and with it every endless one."""
        capped = verifier_with(better_auth_max_lifetime_seconds=3600, better_auth_require_exp=False)

        assert await capped.verify(better_auth_token(exp=NOW + 3600))
        assert await refusal(better_auth_token(exp=NOW + 3601), by=capped) is Reason.LIFETIME
        assert await refusal(better_auth_token(exp=DROP), by=capped) is Reason.CLAIMS

    async def test_issuer_and_audience_count_when_configured(self, refusal, verifier_with):
        """Configured ones must be there; unconfigured ones are not looked at."""
        strict = verifier_with(better_auth_issuer="https://app.example", better_auth_audience="https://app.example")
        named = {"iss": "https://app.example", "aud": ["other", "https://app.example"]}

        assert await strict.verify(better_auth_token(**named))
        assert await refusal(better_auth_token(**(named | {"iss": "https://app.example/"})), by=strict) is Reason.ISSUER
        assert await refusal(better_auth_token(**(named | {"aud": "other"})), by=strict) is Reason.AUDIENCE
        assert await refusal(better_auth_token(), by=strict) is Reason.ISSUER

    @pytest.mark.parametrize(
        "claims", [{"id": "u"}, {"userId": "u"}, {"email": "u@example.com"}, {"user": {"id": "u"}}]
    )
    async def test_other_uses_of_the_secret_are_no_login(self, refusal, claims):
        """Better Auth signs mail links and cookie caches with the same secret; they have no `sub` and open nothing."""
        payload = json.dumps(claims | {"exp": NOW + 60}).encode()

        assert await refusal(better_auth_token(payload=payload)) is Reason.CLAIMS


class TestWithoutASecret:
    @pytest.mark.parametrize("token", [better_auth_token, own_hs256_token])
    async def test_hs256_is_refused(self, refusal, verifier_with, token):
        """No secret means that no HS256 token is valid, whatever signed it."""
        without = verifier_with(better_auth_secret=None)

        assert await refusal(token(), by=without) is Reason.PROFILE
        assert await refusal(token(secret=b""), by=without) is Reason.PROFILE

    async def test_own_es256_is_accepted(self, verifier_with, signing_key):
        """The kinds do not depend on each other."""
        user = await verifier_with(better_auth_secret=None).verify(own_token(signing_key))

        assert user.own
