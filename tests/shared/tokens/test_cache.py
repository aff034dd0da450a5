"""Tokens verified a moment ago are not verified again."""

import pytest

from shared.tokens import InvalidToken, Principal, Reason
from shared.tokens.cache import VerifiedTokens
from tests.shared.tokens.minting import NOW, better_auth_token, own_token


class TestATokenSeenBefore:
    async def test_asks_for_no_key(self, verifier, signing_key, key_table):
        """The second time costs neither a look-up nor a signature."""
        token = own_token(signing_key)

        first, second = await verifier.verify(token), await verifier.verify(token)

        assert second is first
        assert key_table.asked == 1

    async def test_is_remembered_for_half_a_minute(self, verifier, signing_key, key_table, clock):
        """After 30 s it is verified anew."""
        token = own_token(signing_key)
        await verifier.verify(token)
        clock.now += 29.9
        await verifier.verify(token)
        assert key_table.asked == 1

        clock.now += 0.1
        await verifier.verify(token)

        assert key_table.asked == 2

    async def test_ends_with_its_token(self, verifier, refusal, signing_key, clock):
        """Being remembered gives no second of life."""
        token = own_token(signing_key, exp=NOW + 5)
        await verifier.verify(token)
        clock.now += 4.9
        assert await verifier.verify(token)

        clock.now += 0.1

        assert await refusal(token) is Reason.EXPIRED

    async def test_is_forgotten_when_keys_change(self, verifier, refusal, signing_key, key_table):
        """A withdrawn key ends its tokens at once."""
        token = own_token(signing_key)
        await verifier.verify(token)

        key_table.keys.clear()
        key_table.changes += 1

        assert await refusal(token) is Reason.KEY

    async def test_refusals_are_not_remembered(self, verifier, refusal, signing_key, key_table):
        """A token whose key comes a moment later is then accepted."""
        key = key_table.keys.pop(signing_key.kid)
        token = own_token(signing_key)
        assert await refusal(token) is Reason.KEY

        key_table.keys[signing_key.kid] = key

        assert await verifier.verify(token)

    async def test_without_an_end_is_looked_at_again_too(self, verifier_with, clock):
        """Half a minute holds for tokens that never end as well."""
        verifier = verifier_with(better_auth_require_exp=False)
        payload = b'{"sub": "u"}'
        first = await verifier.verify(better_auth_token(payload=payload))

        clock.now += 30

        assert await verifier.verify(better_auth_token(payload=payload)) is not first

    async def test_another_spelling_is_another_token(self, verifier, signing_key):
        """Junk around a remembered token does not find it."""
        token = own_token(signing_key)
        await verifier.verify(token)

        for junk in ("=", " ", ".", "\n"):
            with pytest.raises(InvalidToken):
                await verifier.verify(token + junk)


class TestTheNumberOfRememberedTokens:
    def test_is_bounded(self):
        """The 10 000 most recently used are kept."""
        seen = VerifiedTokens()
        assert seen.find(b"0", NOW, 0) is None
        for number in range(10_000):
            seen.remember(b"%d" % number, Principal(str(number), None, expires_at=NOW + 60), NOW)
        assert seen.find(b"0", NOW, 0)

        seen.remember(b"new", Principal("new", None, expires_at=NOW + 60), NOW)

        assert seen.find(b"0", NOW, 0)
        assert seen.find(b"1", NOW, 0) is None
        assert seen.find(b"2", NOW, 0)
