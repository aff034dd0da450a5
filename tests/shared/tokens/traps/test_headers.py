"""Traps of python-jose 3.5.0 (decision 0002), one class each: a token does not choose how it is verified."""

import pytest

from shared.tokens import PublicKey, Reason, UnusableKey
from tests.shared.tokens.minting import (
    DROP,
    SigningKey,
    better_auth_token,
    compact,
    own_claims,
    own_token,
)


class TestUnknownHeaderMembers:
    @pytest.mark.parametrize(
        "member",
        [
            {"crit": ["exp"]},
            {"b64": False, "crit": ["b64"]},
            {"b64": False},
            {"jku": "http://127.0.0.1/keys"},
            {"jwk": {"kty": "oct", "k": "AA"}},
            {"x5u": "http://127.0.0.1/cert"},
            {"x5c": ["AA"]},
            {"x5t": "AA"},
            {"zip": "DEF"},
            {"enc": "A256GCM"},
            {"cty": "JWT"},
            {"cty": ""},
        ],
    )
    async def test_are_refused(self, refusal, signing_key, member):
        """A header says alg, typ and kid, and nothing that could change how it is read."""
        assert await refusal(own_token(signing_key, header=member)) is Reason.HEADER
        assert await refusal(better_auth_token(header=member)) is Reason.HEADER


class TestAlgorithmOfTheHeader:
    @pytest.mark.parametrize(
        "alg",
        [
            "none",
            "None",
            "NONE",
            "nOnE",
            "",
            "es256",
            "ES256 ",
            "ES384",
            "ES512",
            "ES256K",
            "RS256",
            "PS256",
            "HS384",
            "HS512",
        ],
    )
    async def test_is_pinned(self, refusal, signing_key, alg):
        """Only the algorithm of its kind is accepted, in its one spelling."""
        assert await refusal(own_token(signing_key, header={"alg": alg})) is Reason.PROFILE

    async def test_without_one(self, refusal, signing_key):
        """A missing algorithm is none."""
        assert await refusal(own_token(signing_key, header={"alg": DROP})) is Reason.PROFILE

    @pytest.mark.parametrize("alg", ["none", "None", "NONE"])
    async def test_unsigned(self, refusal, alg):
        """An unsigned token is refused with and without a signature part."""
        unsigned = compact({"alg": alg, "typ": "at+jwt"}, own_claims(), lambda _: b"")

        assert await refusal(unsigned) is Reason.SHAPE
        assert await refusal(unsigned + "AA") is Reason.PROFILE


class TestKeyIds:
    async def test_of_another_key(self, refusal, verifier, signing_key, key_table):
        """The id decides which key verifies; that another one of the set would fit does not count."""
        other = SigningKey("2026-b")
        key_table.keys[other.kid] = PublicKey.of(other.jwk())

        assert await refusal(own_token(signing_key, header={"kid": other.kid}), by=verifier) is Reason.SIGNATURE

    async def test_missing(self, refusal, signing_key):
        """Without an id there is no key, although the set has only one."""
        assert await refusal(own_token(signing_key, header={"kid": DROP})) is Reason.KEY

    @pytest.mark.parametrize("members", [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": "verify"}, {"key_ops": []}])
    def test_of_a_key_for_something_else(self, signing_key, members):
        """A key that says that it does not verify signatures does not."""
        with pytest.raises(UnusableKey):
            PublicKey.of(signing_key.jwk(**members))


class TestEdDsa:
    @pytest.mark.parametrize("typ", ["at+jwt", "JWT", DROP])
    async def test_is_refused_while_nothing_is_configured_for_it(self, refusal, signing_key, typ):
        """No kind of token that is on uses EdDSA."""
        assert await refusal(own_token(signing_key, header={"alg": "EdDSA", "typ": typ})) is Reason.PROFILE
