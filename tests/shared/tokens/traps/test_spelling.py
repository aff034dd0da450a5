"""Traps of python-jose 3.5.0 (decision 0002), one class each: tokens have one spelling, and are read no other way."""

import pytest

from shared.tokens import Reason
from tests.shared.tokens.minting import (
    DROP,
    NOW,
    SECRET,
    b64,
    better_auth_token,
    compact,
    high_s_twin,
    hmac_sha256,
    own_claims,
    own_hs256_token,
    own_token,
)


class TestJunkBetweenBase64Characters:
    @pytest.mark.parametrize("part", [0, 1, 2])
    @pytest.mark.parametrize("junk", ["!!", "=", "==", "+/", " ", "\n", "\x00", "é", "%3D", "\t", "A"])
    async def test_is_refused(self, refusal, signing_key, part, junk):
        """A token has one spelling: what another decoder would skip is not skipped."""
        parts = own_token(signing_key).split(".")
        parts[part] += junk

        assert await refusal(".".join(parts)) in {Reason.SHAPE, Reason.SIGNATURE, Reason.HEADER}

    @pytest.mark.parametrize("spare", [1, 2])
    async def test_spare_bits_are_zero(self, refusal, spare):
        """The last character's unused bits carry nothing (RFC 4648 section 3.5)."""
        token = own_hs256_token()
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

        # 32 bytes are 43 characters, the last of which has two unused bits.
        assert await refusal(token[:-1] + alphabet[alphabet.index(token[-1]) + spare]) is Reason.SHAPE


class TestOtherNumbersOfParts:
    @pytest.mark.parametrize("parts", [1, 2, 4, 5, 6])
    async def test_are_refused(self, refusal, signing_key, parts):
        """Five parts are an encrypted token, which nobody here reads."""
        whole = own_token(signing_key).split(".")

        assert await refusal(".".join((whole * 2)[:parts])) is Reason.SHAPE

    @pytest.mark.parametrize("empty", [0, 1, 2])
    async def test_empty_part(self, refusal, signing_key, empty):
        """No part may be missing."""
        parts = own_token(signing_key).split(".")
        parts[empty] = ""

        assert await refusal(".".join(parts)) is Reason.SHAPE


class TestDeepNesting:
    @pytest.mark.parametrize("depth", [10, 300, 380, 760])
    @pytest.mark.parametrize("bracket", ["[", '{"a":'])
    async def test_in_a_short_header(self, refusal, depth, bracket):
        """Brackets that still fit the header's limit are refused, not an error of the parser."""
        assert await refusal(f"{b64((bracket * depth).encode())}.e30.AA") in {Reason.HEADER, Reason.SHAPE}

    @pytest.mark.parametrize("depth", [10**3, 10**4, 10**5])
    async def test_in_a_long_header(self, refusal, depth):
        """Longer ones are not even decoded."""
        assert await refusal(f"{b64(b'[' * depth)}.e30.AA") is Reason.SHAPE

    async def test_in_signed_claims(self, refusal):
        """Whoever holds the secret cannot break the parser either."""
        assert await refusal(better_auth_token(payload=b'{"sub":' + b"[" * 5000)) is Reason.CLAIMS


class TestRepeatedMembers:
    async def test_in_claims(self, refusal):
        """Of two subjects neither counts."""
        payload = f'{{"sub": "ada", "exp": {NOW + 60}, "sub": "eve"}}'.encode()

        assert await refusal(better_auth_token(payload=payload)) is Reason.CLAIMS

    async def test_nested(self, refusal):
        """Nor anywhere below."""
        payload = f'{{"sub": "ada", "exp": {NOW + 60}, "user": {{"a": 1, "a": 2}}}}'.encode()

        assert await refusal(better_auth_token(payload=payload)) is Reason.CLAIMS

    async def test_in_the_header(self, refusal):
        """Of two algorithms neither counts, also when one of them is spelt with escapes."""
        header = b'{"alg":"none","typ":"at+jwt","\\u0061lg":"HS256"}'

        assert await refusal(compact(header, own_claims(aud=DROP), hmac_sha256(SECRET))) is Reason.HEADER


class TestSpellingsOfOneToken:
    async def test_name_the_same_session(self, verifier, signing_key):
        """ECDSA has two signatures for one text, so a session is ended by its id and not by its token's text."""
        token = own_token(signing_key)

        assert high_s_twin(token) != token
        assert (await verifier.verify(high_s_twin(token))).sid == (await verifier.verify(token)).sid
