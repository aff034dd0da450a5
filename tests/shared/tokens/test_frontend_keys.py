"""Tokens of a Better Auth frontend that publishes its own key set."""

import pytest

from shared.tokens import InvalidToken, KeysUnavailable, Reason
from shared.tokens.jwks import JwksSource
from shared.tokens.settings import TokenRules
from tests.shared.tokens.key_server import key_server
from tests.shared.tokens.kinds import FRONTEND, USER_ID, Ed25519Pair
from tests.shared.tokens.minting import DROP, NOW, NoKeysYet, better_auth_token, own_token
from tests.waiting import until

ALGORITHMS = ("EdDSA", "ES256", "RS256")


@pytest.fixture
def verifier(verifier_of_all):
    """One that is told of the key set's address alone."""
    return verifier_of_all(better_auth_issuer=None, better_auth_audience=None)


@pytest.fixture(params=ALGORITHMS)
def kind(request, kinds):
    return kinds[f"Better Auth by {request.param}"]


class TestATokenByTheKeySet:
    @pytest.mark.parametrize("typ", [DROP, "JWT"])
    async def test_names_its_user(self, verifier, kind, typ):
        """The `sub` is the user; there is no session, no version and no scope to go by."""
        user = await verifier.verify(kind.token(header={"typ": typ}))

        assert (user.id, user.email, user.email_verified) == (USER_ID, "grace@example.com", True)
        assert (user.own, user.sid, user.ver, user.kid, user.scopes) == (False, None, None, None, None)
        assert user.expires_at == NOW + 900

    async def test_is_for_the_frontends_origin(self, verifier, kind):
        """Issuer and audience are the origin of the key set's address, unless others are configured."""
        assert await verifier.verify(kind.token(aud=["https://other.example", FRONTEND]))
        for wrong in ({"iss": DROP}, {"iss": FRONTEND + "/"}, {"aud": DROP}, {"aud": "todo-api"}, {"aud": []}):
            with pytest.raises(InvalidToken) as refused:
                await verifier.verify(kind.token(**wrong))
            assert refused.value.reason in {Reason.ISSUER, Reason.AUDIENCE}

    async def test_says_what_is_configured(self, verifier_of_all, kind):
        """A frontend that is reached by another name than it gives itself has its name configured."""
        verifier = verifier_of_all(better_auth_issuer="todo-frontend", better_auth_audience="todos")

        assert await verifier.verify(kind.token(iss="todo-frontend", aud="todos"))
        with pytest.raises(InvalidToken):
            await verifier.verify(kind.token())

    async def test_always_has_an_end(self, verifier_of_all, kind):
        """BETTER_AUTH_REQUIRE_EXP is for tokens by the secret only."""
        with pytest.raises(InvalidToken) as refused:
            await verifier_of_all(better_auth_require_exp=False).verify(kind.token(exp=DROP))

        assert refused.value.reason is Reason.CLAIMS

    async def test_lifetime_cap(self, verifier_of_all, kind):
        """The cap on the time left holds here too."""
        capped = verifier_of_all(better_auth_max_lifetime_seconds=3600)

        assert await capped.verify(kind.token(exp=NOW + 3600))
        with pytest.raises(InvalidToken) as refused:
            await capped.verify(kind.token(exp=NOW + 3601))
        assert refused.value.reason is Reason.LIFETIME

    @pytest.mark.parametrize("alg", ALGORITHMS)
    async def test_is_of_its_keys_algorithm(self, verifier, kinds, kind, alg):
        """A key verifies the one algorithm that its type is for."""
        other = kinds[f"Better Auth by {alg}"]
        token = kind.token(header={"kid": other.key.kid})

        if other is kind:
            assert await verifier.verify(token)
        else:
            with pytest.raises(InvalidToken) as refused:
                await verifier.verify(token)
            assert refused.value.reason is Reason.KEY

    async def test_is_refused_without_a_key_set(self, verifier_of_all, kind):
        """Unless BETTER_AUTH_JWKS_URL is set, no such token opens anything."""
        with pytest.raises(InvalidToken) as refused:
            await verifier_of_all({"frontend_keys": None}).verify(kind.token())

        assert refused.value.reason is Reason.PROFILE


class TestTwoKeySets:
    async def test_do_not_speak_for_each_other(self, verifier, kinds, frontend_keys, key_table):
        """The frontend's keys sign no token of ours, ours none of the frontend's, whatever id they name."""
        ours, theirs = kinds["own by ES256"], kinds["Better Auth by ES256"]

        for kind, key in ((ours, theirs.key), (theirs, ours.key)):
            with pytest.raises(InvalidToken) as refused:
                await verifier.verify(kind.token(header={"kid": key.kid}, sign=key.sign))
            assert refused.value.reason is Reason.KEY

    async def test_are_missed_apart(self, verifier_of_all, kinds, kind):
        """While the frontend has never answered, its tokens get 503, and all others are verified."""
        verifier = verifier_of_all({"frontend_keys": NoKeysYet()})

        with pytest.raises(KeysUnavailable):
            await verifier.verify(kind.token())
        assert await verifier.verify(kinds["own by ES256"].token())
        assert await verifier.verify(kinds["Better Auth by HS256"].token())

    async def test_each_change_forgets_the_tokens(self, verifier, kind, kinds, frontend_keys, key_table):
        """A key that one of them withdraws ends its tokens at once."""
        token, own = kind.token(), kinds["own by ES256"].token()
        await verifier.verify(token)
        await verifier.verify(own)

        frontend_keys.keys.clear()
        frontend_keys.changes += 1
        with pytest.raises(InvalidToken):
            await verifier.verify(token)
        assert await verifier.verify(own)

        key_table.keys.clear()
        key_table.changes += 1
        with pytest.raises(InvalidToken):
            await verifier.verify(own)

    async def test_of_a_real_frontend(self, verifier_of_all, kinds):
        """It is read over HTTP like our own, and a key that it has just made verifies with its first token."""
        kind, fresh = kinds["Better Auth by EdDSA"], Ed25519Pair("made-a-moment-ago")
        async with key_server(kind.key.jwk()) as server, JwksSource(server.url) as source:
            await until(lambda: source.changes)
            verifier = verifier_of_all({"frontend_keys": source})
            assert await verifier.verify(kind.token())

            server.publish(kind.key.jwk(), fresh.jwk())

            assert await verifier.verify(kind.token(header={"kid": fresh.kid}, sign=fresh.sign))
            assert server.hits == 2


class TestTheDefaultIssuer:
    @pytest.mark.parametrize(
        ("url", "origin"),
        [
            ("https://app.example/api/auth/jwks", "https://app.example"),
            ("https://app.example:443/api/auth/jwks", "https://app.example"),
            ("https://APP.example:8443/jwks?x=1", "https://app.example:8443"),
            ("http://localhost:3000/api/auth/jwks", "http://localhost:3000"),
            ("https://user:secret@app.example/jwks", "https://app.example"),
        ],
    )
    def test_is_an_origin(self, url, origin):
        """Scheme, host and port as a browser writes them, and nothing else of the address."""
        rules = TokenRules(public_url="https://todo.example", better_auth_jwks_url=url)

        assert rules.better_auth_origin == origin


class TestHs256BesideAKeySet:
    async def test_need_not_name_the_frontend(self, verifier, signing_key):
        """The key set's address says nothing about tokens by the secret."""
        assert await verifier.verify(better_auth_token())
        assert await verifier.verify(own_token(signing_key))
