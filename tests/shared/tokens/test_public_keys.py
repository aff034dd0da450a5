"""Which published keys are used: of the three types, each by strict rules, and never one that says it is not for us."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.tokens.jwk import UnusableKey
from shared.tokens.keys import PublicKey, read_key_set
from tests.shared.tokens.kinds import Ed25519Pair, RsaPair
from tests.shared.tokens.minting import DROP, SigningKey, b64

PAIRS = {"ES256": SigningKey("ec"), "RS256": RsaPair("rsa"), "EdDSA": Ed25519Pair("ed")}


class TestAPublicKey:
    @pytest.mark.parametrize("alg", PAIRS)
    @pytest.mark.parametrize(
        "members", [{}, {"alg": DROP}, {"use": "sig"}, {"key_ops": ["verify"]}, {"x5t": "ignored"}]
    )
    def test_is_for_one_algorithm(self, alg, members):
        """Its type and curve say for which; it need not say so itself (RFC 7517 section 4.4)."""
        key = PublicKey.of(PAIRS[alg].jwk(**members))

        assert key.alg == alg
        assert key.jose_key.verify(b"text", PAIRS[alg].sign(b"text"))
        assert not key.jose_key.verify(b"other", PAIRS[alg].sign(b"text"))

    @pytest.mark.parametrize("alg", PAIRS)
    @pytest.mark.parametrize(
        "members",
        [
            {"use": "enc"},
            {"use": None},
            {"key_ops": ["sign"]},
            {"key_ops": []},
            {"key_ops": "verify"},
            {"d": b64(b"\1" * 32)},
            {"k": b64(b"\1" * 32)},
            {"p": "AQAB"},
            {"kid": DROP},
            {"kid": ""},
            {"kid": 7},
            {"kid": "x" * 129},
            {"kty": DROP},
            {"kty": "oct"},
            {"kty": ["EC"]},
            {"crv": "P-384"},
            {"crv": "Ed448"},
            {"crv": "X25519"},
            {"crv": ["P-256"]},
            {"alg": None},
            {"alg": "HS256"},
            {"alg": "PS256"},
            {"alg": "none"},
        ],
    )
    def test_that_breaks_a_rule_is_unusable(self, alg, members):
        """For something else, private, without an id, or of another type, curve or algorithm."""
        with pytest.raises(UnusableKey):
            PublicKey.of(PAIRS[alg].jwk(**members))

    @pytest.mark.parametrize(("alg", "names"), [("ES256", "xy"), ("RS256", "ne"), ("EdDSA", "x")])
    @pytest.mark.parametrize("value", [DROP, None, 5, "", "!!", "AA==", b64(b"\1"), b64(b"\0" + b"\1" * 32)])
    def test_of_numbers_that_are_none(self, alg, names, value):
        """Missing, of another type, too short, or not in their one spelling."""
        for name in names:
            with pytest.raises(UnusableKey):
                PublicKey.of(PAIRS[alg].jwk(**{name: value}))


class TestRsaKeys:
    def test_of_2048_bits_are_the_smallest(self):
        """python-jose would take one of 1024 (RFC 7518 section 3.3)."""
        assert PublicKey.of(RsaPair(bits=2048).jwk())
        with pytest.raises(UnusableKey):
            PublicKey.of(RsaPair(bits=1024).jwk())

    @pytest.mark.parametrize("modulus", [2**2047 - 1, 2**8192 + 1], ids=["2047 bits", "8193 bits"])
    def test_of_other_sizes(self, modulus):
        """One bit less is refused, and what would cost milliseconds to verify with."""
        n = b64(modulus.to_bytes((modulus.bit_length() + 7) // 8, "big"))

        with pytest.raises(UnusableKey):
            PublicKey.of(PAIRS["RS256"].jwk(n=n))

    @pytest.mark.parametrize("exponent", [1, 2, 3, 65536, 65538, 2**32 + 1])
    def test_with_exponents_that_are_not_safe(self, exponent):
        """One would make every text a signature; even ones are none (FIPS 186-5)."""
        e = b64(exponent.to_bytes((exponent.bit_length() + 7) // 8, "big"))

        with pytest.raises(UnusableKey):
            PublicKey.of(PAIRS["RS256"].jwk(e=e))


class TestEcKeys:
    def test_of_another_curve(self):
        """python-jose would verify ES256 with P-384."""
        p384 = SigningKey(curve=ec.SECP384R1())

        for claimed in ("P-384", "P-256"):
            with pytest.raises(UnusableKey):
                PublicKey.of(p384.jwk(crv=claimed))

    @pytest.mark.parametrize("point", [(0, 0), (1, 1), (2**256 - 1, 2**256 - 1)])
    def test_off_the_curve(self, point):
        """A point that is none would leak about other keys."""
        x, y = (b64(coordinate.to_bytes(32, "big")) for coordinate in point)

        with pytest.raises(UnusableKey):
            PublicKey.of(PAIRS["ES256"].jwk(x=x, y=y))


class TestASetOfAllTypes:
    def test_is_read_whole(self):
        """One set may hold keys of every type, each by its own id."""
        keys, skipped = read_key_set(json.dumps({"keys": [pair.jwk() for pair in PAIRS.values()]}).encode())

        assert {kid: key.alg for kid, key in keys.items()} == {"ec": "ES256", "rsa": "RS256", "ed": "EdDSA"}
        assert skipped == 0
