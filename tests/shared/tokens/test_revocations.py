"""What has been ended is refused, also when its token was accepted a moment ago."""

import math

import pytest

from shared.tokens import InvalidToken, Principal, Reason, Revocation, Revocations, RevocationsStale
from tests.shared.tokens.kinds import NAMES
from tests.shared.tokens.minting import NOW, Clock, own_claims, own_hs256_token, own_token

SID, USER = own_claims()["sid"], own_claims()["sub"]
UNTIL = NOW + 960


@pytest.fixture
def revocations():
    return Revocations()


@pytest.fixture
def verifier(verifier_of_all, revocations):
    return verifier_of_all({"revocations": revocations})


@pytest.fixture
def refused(verifier):
    """Assert that a token is refused as one that was ended."""

    async def check(token):
        with pytest.raises(InvalidToken) as refusal:
            await verifier.verify(token)
        assert refusal.value.reason is Reason.REVOKED

    return check


class TestAnEndedSession:
    @pytest.mark.parametrize("mode", ["ES256", "HS256"])
    async def test_opens_nothing(self, verifier, revocations, refused, signing_key, mode):
        """Its token is refused, although it was verified and remembered a moment ago; other sessions go on."""
        mint = own_hs256_token if mode == "HS256" else lambda **claims: own_token(signing_key, **claims)
        ended, other = mint(), mint(sid="another")
        await verifier.verify(ended)

        revocations.add(Revocation("sid", SID, UNTIL))

        await refused(ended)
        await refused(mint(jti="never seen"))
        assert await verifier.verify(other)

    async def test_has_many_spellings(self, refused, revocations, signing_key):
        """Every token of the session is ended, not a text."""
        revocations.add(Revocation("sid", SID, UNTIL))

        for jti in ("a", "b", "c"):
            await refused(own_token(signing_key, jti=jti))


class TestEndedVersions:
    async def test_end_all_older_tokens(self, verifier, revocations, refused, signing_key):
        """Every session of the user ends at once; that of another user does not."""
        older = [own_token(signing_key, ver=ver, sid=f"session {ver}") for ver in (0, 1, 2)]
        for token in older:
            await verifier.verify(token)

        revocations.add(Revocation("user", USER, UNTIL, ver=3))

        for token in older:
            await refused(token)
        assert await verifier.verify(own_token(signing_key, sub="somebody else", ver=0))

    async def test_spare_a_login_of_the_same_second(self, verifier, revocations, refused, signing_key):
        """Old and new token are issued at the same time; the version tells them apart."""
        revocations.add(Revocation("user", USER, UNTIL, ver=2))

        await refused(own_token(signing_key, ver=1, iat=NOW))
        assert await verifier.verify(own_token(signing_key, ver=2, iat=NOW))
        assert await verifier.verify(own_token(signing_key, ver=3, iat=NOW))

    async def test_never_fall(self, revocations, refused, signing_key):
        """An older event that comes later takes nothing back, in either order."""
        revocations.add(Revocation("user", USER, UNTIL, ver=5))
        revocations.add(Revocation("user", USER, UNTIL - 100, ver=3))
        revocations.sweep(UNTIL - 1)

        await refused(own_token(signing_key, ver=4))


class TestAnEndedKey:
    async def test_signs_nothing_any_more(self, verifier, revocations, refused, signing_key):
        """Its tokens are refused at once, though the key set still has it; tokens by the secret go on."""
        token = own_token(signing_key)
        await verifier.verify(token)

        revocations.add(Revocation("kid", signing_key.kid, UNTIL))

        await refused(token)
        assert await verifier.verify(own_hs256_token())


class TestTokensOfAFrontend:
    @pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("own")])
    async def test_end_by_themselves(self, verifier, revocations, kinds, name):
        """They have no session and no version of ours, whatever they say, and go on until they expire."""
        kind = kinds[name]
        for revocation in (
            Revocation("user", kind.claims["sub"], UNTIL, ver=99),
            Revocation("sid", "s", UNTIL),
            Revocation("kid", str(kind.header.get("kid")), UNTIL),
        ):
            revocations.add(revocation)

        assert await verifier.verify(kind.token(sid="s", ver=1))


class TestForgetting:
    def test_ends_with_the_last_token(self, revocations):
        """An end is kept for as long as a token can live that it hits, and not longer."""
        revocations.add(Revocation("sid", "s", UNTIL))
        revocations.add(Revocation("user", "u", UNTIL, ver=1))

        revocations.sweep(UNTIL - 1)
        assert len(revocations) == 2
        revocations.sweep(UNTIL)
        assert len(revocations) == 0

    async def test_spares_keys(self, revocations, refused, signing_key):
        """A thief signs anew: a key set that cannot be read again for an hour brings no ended key back."""
        revocations.add(Revocation("kid", signing_key.kid, UNTIL))

        revocations.sweep(UNTIL + 3600)

        await refused(own_token(signing_key))

    def test_ten_thousand(self, revocations):
        """Ten thousand sessions are known one by one, and gone after."""
        for number in range(10_000):
            revocations.add(Revocation("sid", f"session-{number}", UNTIL))
        users = [Principal("u", None, sid=f"session-{number}", own=True) for number in range(10_000)]

        assert all(user in revocations for user in users)
        assert Principal("u", None, sid="another", own=True) not in revocations
        revocations.sweep(UNTIL)
        assert len(revocations) == 0


class TestStaleness:
    def test_without_a_feed(self):
        """Who follows nothing misses nothing."""
        revocations = Revocations(fails_closed=True)

        assert (revocations.is_stale, revocations.remark(), revocations.lag_seconds) == (False, None, 0)

    def test_before_the_first_answer(self):
        """Until something was heard, everything may have ended."""
        revocations = Revocations()
        revocations.expect_feed()

        assert (revocations.is_stale, revocations.remark(), revocations.lag_seconds) == (True, "stale", math.inf)

    def test_begins_after_ten_seconds(self):
        """And ends with the next answer."""
        clock = Clock()
        revocations = Revocations(clock=clock)
        revocations.expect_feed()
        revocations.completed()
        clock.now += 10
        assert not revocations.is_stale

        clock.now += 0.1
        assert (revocations.is_stale, revocations.remark()) == (True, "stale")

        revocations.completed()
        assert not revocations.is_stale

    @pytest.mark.parametrize(
        ("fails_closed", "own", "stale", "refused"),
        [(True, True, True, True), (False, True, True, False), (True, False, True, False), (True, True, False, False)],
    )
    def test_refuses_writes_if_told_so(self, fails_closed, own, stale, refused):
        """Only in the mode `closed`, only with a token that could have been ended, only while stale."""
        revocations, user = Revocations(fails_closed=fails_closed), Principal("u", None, own=own)
        revocations.expect_feed()
        if not stale:
            revocations.completed()

        if refused:
            with pytest.raises(RevocationsStale) as refusal:
                revocations.admit_write(user)
            assert (refusal.value.status, refusal.value.headers["Retry-After"]) == (503, "1")
        else:
            revocations.admit_write(user)


class TestListening:
    def test_is_once_for_all_that_came_together(self, revocations):
        """A listener hears when something has ended and all of it is known, and else nothing."""
        heard = []
        revocations.listen(lambda: heard.append(len(revocations)))

        revocations.completed()
        revocations.add(Revocation("sid", "a", UNTIL))
        revocations.add(Revocation("sid", "b", UNTIL))
        revocations.completed()
        revocations.completed()

        assert heard == [2]
