"""The order of the steps: a token that breaks several rules is refused by the first of them, at the least cost."""

import pytest

from shared.tokens import KeysUnavailable, Reason
from tests.shared.tokens.minting import NOW, NoKeysYet, SigningKey, own_token


@pytest.fixture
def stranger(signing_key):
    """A key of somebody else who uses our key's id."""
    return SigningKey(signing_key.kid)


class TestTheFirstBrokenRuleDecides:
    @pytest.mark.parametrize(
        ("header", "claims", "spoil", "reason"),
        [
            ({"crit": ["x"]}, {"exp": 0}, lambda token: token + "=", Reason.SHAPE),
            ({"crit": ["x"], "alg": "none"}, {"exp": 0}, str, Reason.HEADER),
            ({"alg": "none", "kid": "unknown"}, {"exp": 0}, str, Reason.PROFILE),
            ({"kid": "unknown"}, {"exp": 0}, str, Reason.KEY),
            ({}, {"exp": 0}, str, Reason.SIGNATURE),
        ],
    )
    async def test_of_a_forged_token(self, refusal, stranger, header, claims, spoil, reason):
        """Shape, header, kind, key, signature: nothing later is looked at once one is wrong."""
        assert await refusal(spoil(own_token(stranger, header=header, **claims))) is reason

    async def test_claims_come_last(self, refusal, signing_key):
        """Only what is signed by the right key is judged by its claims."""
        assert await refusal(own_token(signing_key, exp=NOW, iat=NOW - 600)) is Reason.EXPIRED

    @pytest.mark.parametrize("header", [{"crit": ["x"]}, {"alg": "none"}, {"typ": "JWT"}, {"alg": "HS256"}])
    async def test_no_key_is_asked_for_before_the_kind_is_known(self, refusal, key_table, stranger, header):
        """Asking for a key may cost a request to another service."""
        await refusal(own_token(stranger, header=header))

        assert key_table.asked == 0


class TestWithoutAnyKeySet:
    async def test_nobody_is_called_invalid(self, verifier_with, signing_key):
        """While no key has ever been read the answer is 503: a 401 would sign everybody out."""
        with pytest.raises(KeysUnavailable) as unavailable:
            await verifier_with(NoKeysYet()).verify(own_token(signing_key))

        assert unavailable.value.status == 503
        assert unavailable.value.headers["Retry-After"] == "1"

    async def test_malformed_ones_are_refused(self, refusal, verifier_with, stranger):
        """What could never be valid is refused all the same."""
        assert (
            await refusal(own_token(stranger, header={"alg": "none"}), by=verifier_with(NoKeysYet())) is Reason.PROFILE
        )
