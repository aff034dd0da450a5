"""A verifier at a fixed time, whose own key the tests hold."""

import pytest

from shared.tokens import InvalidToken
from shared.tokens.settings import TokenRules
from shared.tokens.verifier import Verifier
from tests.shared.tokens.kinds import FRONTEND, make_kinds, make_pairs
from tests.shared.tokens.minting import PREVIOUS_SECRET, PUBLIC_URL, SECRET, Clock, KeyTable, SigningKey


@pytest.fixture(scope="session")
def signing_key():
    return SigningKey("2026-a")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def key_table(signing_key):
    return KeyTable(signing_key)


@pytest.fixture
def verifier_with(key_table, clock):
    """Build a verifier with other settings, or another source of keys."""

    def build(keys=None, **settings):
        given = {"public_url": PUBLIC_URL, "better_auth_secret": SECRET, "better_auth_secret_previous": PREVIOUS_SECRET}
        return Verifier(TokenRules(**(given | settings)), keys or key_table, clock=clock)

    return build


@pytest.fixture
def verifier(verifier_with):
    return verifier_with()


@pytest.fixture
def refusal(verifier):
    """Return why a token is refused; fails when it is accepted."""

    async def reason(token, by=verifier):
        with pytest.raises(InvalidToken) as refused:
            await by.verify(token)
        return refused.value.reason

    return reason


@pytest.fixture(scope="session")
def kinds(signing_key):
    """Every kind of token, by its name in `NAMES`."""
    return make_kinds(signing_key, make_pairs())


@pytest.fixture
def frontend_keys(kinds):
    """The key set of a Better Auth frontend."""
    return KeyTable(*(kind.key for kind in kinds.values() if kind.key and not kind.is_own))


@pytest.fixture
def verifier_of_all(key_table, frontend_keys, clock):
    """Build a verifier of every kind, with other settings or other parts."""

    def build(parts=None, **settings):
        given = {
            "public_url": PUBLIC_URL,
            "better_auth_secret": SECRET,
            "better_auth_issuer": FRONTEND,
            "better_auth_audience": FRONTEND,
            "better_auth_jwks_url": f"{FRONTEND}/api/auth/jwks",
        }
        chosen = {"frontend_keys": frontend_keys, "clock": clock} | (parts or {})
        return Verifier(TokenRules(**(given | settings)), key_table, **chosen)

    return build
