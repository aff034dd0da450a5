"""Traps of python-jose 3.5.0 (decision 0002), one class each: what is no key signs nothing."""

import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared.tokens import PublicKey, Reason, UnusableKey
from shared.tokens.keys import hmac_key, read_key_set
from tests.shared.tokens.minting import (
    DROP,
    SECRET,
    SigningKey,
    b64,
    better_auth_token,
    own_hs256_token,
)


class TestSecretsReadAsJson:
    @pytest.mark.parametrize("secret", ["1" * 40, "true" * 10, "-1.5e3" + "0" * 40])
    async def test_are_used_as_text(self, verifier_with, secret):
        """A secret that happens to be a JSON number is still its own bytes."""
        assert await verifier_with(better_auth_secret=secret).verify(better_auth_token(secret=secret))


class TestUnknownKeyTypesInASet:
    def test_do_not_spoil_it(self, signing_key):
        """An OKP key beside ours is skipped; python-jose would refuse the whole set."""
        okp = {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(b"\1" * 32)}

        keys, skipped = read_key_set(json.dumps({"keys": [okp, signing_key.jwk()]}).encode())

        assert (list(keys), skipped) == ([signing_key.kid], 1)


class TestCurvesAndSizes:
    def test_other_curves_are_no_es256_keys(self):
        """python-jose would verify ES256 with P-384."""
        p384 = SigningKey(curve=ec.SECP384R1())

        for claimed in ("P-384", "P-256"):
            with pytest.raises(UnusableKey):
                PublicKey.of(p384.jwk(crv=claimed))

    @pytest.mark.parametrize(
        "members",
        [
            {"kty": "RSA"},
            {"kty": "oct", "k": "AA"},
            {"kty": DROP},
            {"crv": "secp256k1"},
            {"alg": "ES384"},
            {"alg": "HS256"},
            {"d": b64(b"\1" * 32)},
            {"kid": DROP},
            {"kid": ""},
            {"kid": 7},
            {"kid": "x" * 129},
            {"x": DROP},
            {"x": 5},
            {"x": b64(b"\1" * 32)},
            {"y": b64(b"\1" * 33)},
            {"y": "!!"},
        ],
    )
    def test_what_is_no_public_p256_key(self, signing_key, members):
        """Other types, private members, points off the curve and keys without an id are unusable."""
        with pytest.raises(UnusableKey):
            PublicKey.of(signing_key.jwk(**members))

    def test_coordinates_have_one_spelling(self, signing_key):
        """A coordinate is 32 bytes, leading zeros included and no more of them (RFC 7518 section 6.2.1.2)."""
        x = signing_key.private.public_key().public_numbers().x

        with pytest.raises(UnusableKey):
            PublicKey.of(signing_key.jwk(x=b64(x.to_bytes(33, "big"))))


class TestShortSecrets:
    @pytest.mark.parametrize("secret", ["", "x", "x" * 31, "é" * 15])
    def test_build_no_key(self, secret):
        """32 bytes at least, checked where the key is built."""
        with pytest.raises(UnusableKey):
            hmac_key(secret)

    @pytest.mark.parametrize(
        "secret", ["", "secret", "changeme", "your-256-bit-secret", "better-auth-secret-123456789"]
    )
    async def test_sign_nothing(self, refusal, secret):
        """An empty or well-known secret is not ours."""
        assert await refusal(own_hs256_token(secret=secret)) is Reason.SIGNATURE
        assert await refusal(better_auth_token(secret=secret)) is Reason.SIGNATURE


class TestPublicKeysAsSecrets:
    @pytest.mark.parametrize("typ", ["at+jwt", "JWT", DROP])
    @pytest.mark.parametrize("form", ["pem", "pem without its last line end", "der", "ssh", "point", "jwk", "jwk set"])
    async def test_sign_nothing(self, refusal, signing_key, form, typ):
        """An HMAC made with our public key, in any of its encodings, is refused (CVE-2024-33663)."""
        secret = encodings_of(signing_key)[form]
        forged = own_hs256_token(secret=secret, header={"typ": typ, "kid": signing_key.kid})

        assert await refusal(forged) is Reason.SIGNATURE

    @pytest.mark.parametrize("form", ["pem", "ssh", "jwk", "jwk set"])
    def test_are_no_setting(self, signing_key, form):
        """A public key in BETTER_AUTH_SECRET would let everybody sign."""
        with pytest.raises(UnusableKey):
            hmac_key(encodings_of(signing_key)[form].decode())


class TestOtherBackends:
    def test_are_not_loaded(self):
        """`ecdsa` and `rsa`, which leak by timing (CVE-2024-23342), come with python-jose and are never imported."""
        program = "import sys, shared.tokens; print({'ecdsa', 'rsa'} & set(sys.modules))"

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "set()"

    def test_keys_are_of_cryptography(self, signing_key):
        """Every key class that verifies is the one over `cryptography`."""
        backend = "jose.backends.cryptography_backend"

        assert type(PublicKey.of(signing_key.jwk()).jose_key).__module__ == backend
        assert type(hmac_key(SECRET)).__module__ == backend


def encodings_of(key):
    public = key.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "pem": pem,
        "pem without its last line end": pem.rstrip(),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "ssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "point": public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        "jwk": json.dumps(key.jwk()).encode(),
        "jwk set": json.dumps({"keys": [key.jwk()]}).encode(),
    }
