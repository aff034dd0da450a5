"""A verifier at a fixed time, whose own key the tests hold."""

import pytest

from shared.tokens import InvalidToken, TokenRules, Verifier
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
        return Verifier(TokenRules(**(given | settings)), keys or key_table, clock)

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
