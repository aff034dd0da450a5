"""Services whose clocks differ from that of whoever signed."""

import pytest

from shared.tokens import InvalidToken, Reason
from tests.shared.tokens.minting import NOW, better_auth_token, own_hs256_token, own_token

APART = 45
LIFETIME = 600


@pytest.fixture(params=["own by ES256", "own by HS256", "Better Auth by HS256"])
def fresh(request, signing_key):
    """A token that is signed at `NOW` by its issuer's clock, for ten minutes."""
    times = {"iat": NOW, "exp": NOW + LIFETIME}
    if request.param == "own by ES256":
        return own_token(signing_key, **times)
    return own_hs256_token(**times) if request.param == "own by HS256" else better_auth_token(**times)


class TestAClockThatIsOff:
    @pytest.mark.parametrize("seconds", [-APART, 0, APART])
    async def test_lets_in_who_has_just_logged_in(self, verifier, clock, fresh, seconds):
        """A token is good at once, three quarters of a minute early or late."""
        clock.now = NOW + seconds

        assert (await verifier.verify(fresh)).id

    async def test_adds_no_leeway_of_its_own(self, verifier, clock, fresh):
        """A clock that is 45 seconds slow takes a token for 45 seconds too long, and not for one more."""
        end = NOW + LIFETIME

        clock.now = end + APART - 1 - APART
        assert (await verifier.verify(fresh)).id

        clock.now = end + APART - APART
        with pytest.raises(InvalidToken) as refused:
            await verifier.verify(fresh)
        assert refused.value.reason is Reason.EXPIRED
