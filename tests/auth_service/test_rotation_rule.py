"""The rule that tells honest retries from thieves, by itself."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from auth_service.sessions.models import RefreshToken
from auth_service.sessions.refresh_tokens import RefreshTokens
from auth_service.sessions.rotation import Verdict, judge

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def token(generation, *, issued=3600.0, used=None, seen=None):
    """A token that was issued, used and seen so many seconds ago."""

    def ago(seconds):
        return None if seconds is None else NOW - timedelta(seconds=seconds)

    return RefreshToken(
        token_hash=b"",
        session_id=uuid4(),
        generation=generation,
        issued_at=ago(issued),
        used_at=ago(used),
        seen_at=ago(seen),
    )


class TestTheLiveToken:
    @pytest.mark.parametrize(
        ("generation", "issued", "verdict"),
        [
            (0, 0, Verdict.ROTATE),
            (0, 5, Verdict.ROTATE),
            (1, 0, Verdict.KEEP),
            (1, 10, Verdict.KEEP),
            (1, 10.001, Verdict.ROTATE),
            (7, 86_400, Verdict.ROTATE),
        ],
    )
    def test_is_exchanged_unless_it_is_young(self, generation, issued, verdict):
        """For ten seconds a successor is given back as it is; a session's first token is exchanged at once."""
        live = token(generation, issued=issued)

        assert judge(live, live, NOW) is verdict


class TestItsParent:
    @pytest.mark.parametrize(
        ("used", "seen", "verdict"),
        [
            (0, None, Verdict.RECOMPUTE),
            (10, 1, Verdict.RECOMPUTE),
            (10.001, 1, Verdict.REUSE),
            (30, None, Verdict.RECOMPUTE),
            (30.001, None, Verdict.REUSE),
        ],
    )
    def test_gets_the_same_successor_for_a_while(self, used, seen, verdict):
        """Ten seconds for tabs that race; thirty for a lost reply, until the successor has been seen."""
        assert judge(token(3, used=used), token(4, issued=used, seen=seen), NOW) is verdict

    def test_is_the_last_that_may_come_back(self):
        """A grandparent is reuse, however young it is."""
        assert judge(token(2, used=1), token(4, issued=0.5), NOW) is Verdict.REUSE


class TestDeriving:
    KEYS = (b"k" * 32, b"p" * 32)

    def test_gives_the_same_successor_each_time(self):
        """A retry gets the token that the lost reply had."""
        tokens = RefreshTokens(self.KEYS)

        assert tokens.successor("rt1.x", b"salt", 1) == tokens.successor("rt1.x", b"salt", 1)

    @pytest.mark.parametrize(
        "other", [("rt1.y", b"salt", 1), ("rt1.x", b"sand", 1), ("rt1.x", b"salt", 2)], ids=["token", "salt", "count"]
    )
    def test_depends_on_all_its_parts(self, other):
        """Neither the token nor the database alone yields the successor."""
        tokens = RefreshTokens(self.KEYS)

        assert tokens.successor(*other) != tokens.successor("rt1.x", b"salt", 1)

    @pytest.mark.parametrize(("keys", "found"), [(KEYS, True), (KEYS[::-1], True), (KEYS[:1], True), (KEYS[1:], False)])
    def test_recomputes_with_the_former_key_too(self, keys, found):
        """A successor made before AUTH_SECRET changed is made again; one of a forgotten key is not."""
        made = RefreshTokens(self.KEYS).successor("rt1.x", b"salt", 1)

        again = RefreshTokens(keys).recompute("rt1.x", b"salt", 1, digest=RefreshTokens.digest(made))

        assert again == (made if found else None)

    def test_makes_tokens_of_256_bits(self):
        """`rt1.` and 43 characters."""
        assert all(len(made) == 47 and made.startswith("rt1.") for made in (RefreshTokens.first() for _ in range(100)))
