"""ES256 key pairs: made here, named by their thumbprint, and written as JWKs."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
    generate_private_key,
)
from jose.backends.base import Key
from jose.backends.cryptography_backend import CryptographyECKey

__all__ = ["ALG", "SigningKey"]

ALG = "ES256"
COORDINATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key pair, and its key object for python-jose, built once: parsing PEM costs as much as signing."""

    kid: str
    public_jwk: dict[str, str]
    private: EllipticCurvePrivateKey = field(repr=False)
    jose_key: Key = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Make a new key pair."""
        return cls._of(generate_private_key(SECP256R1()))

    @classmethod
    def from_private_jwk(cls, text: bytes) -> Self:
        """Read what `private_jwk` wrote."""
        return cls._of(derive_private_key(_number(json.loads(text)["d"]), SECP256R1()))

    @classmethod
    def _of(cls, private: EllipticCurvePrivateKey) -> Self:
        point = private.public_key().public_numbers()
        required = {"crv": "P-256", "kty": "EC", "x": _text(point.x), "y": _text(point.y)}
        kid = _thumbprint(required)
        public = {**required, "kid": kid, "alg": ALG, "use": "sig"}
        return cls(kid, public, private, CryptographyECKey(private, ALG))

    def private_jwk(self) -> bytes:
        """Return the private key as a JWK (RFC 7518 section 6.2.2)."""
        return json.dumps({**self.public_jwk, "d": _text(self.private.private_numbers().private_value)}).encode()


def _thumbprint(required: dict[str, str]) -> str:
    """Return the key's id (RFC 7638 section 3): a hash of its required members in order, without white space."""
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":"))
    return _encoded(sha256(canonical.encode()).digest())


def _text(number: int) -> str:
    return _encoded(number.to_bytes(COORDINATE_BYTES, "big"))


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
