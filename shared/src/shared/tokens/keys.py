"""The keys that verify: read from JWKs and secrets under our own rules, then handed to python-jose ready built.

python-jose never sees a key set: it ignores `kid`, `use` and `key_ops`, takes any curve for ES256, and stumbles over
key types that it does not know.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from jose.backends.base import Key
from jose.backends.cryptography_backend import CryptographyECKey, CryptographyHMACKey
from jose.exceptions import JWKError

from shared.tokens.strict import decode_part, parse_object

__all__ = ["MAX_KID_CHARACTERS", "KeySet", "KeySource", "PublicKey", "UnusableKey", "hmac_key", "read_key_set"]

MAX_KEYS = 50
MAX_KID_CHARACTERS = 128
MIN_SECRET_BYTES = 32
COORDINATE_BYTES = 32
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

KeySet = dict[str, "PublicKey"]
"""The usable keys of a set, by `kid`."""


class UnusableKey(ValueError):
    """A key breaks one of our rules, or a key set holds none that keeps them."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies ES256 signatures, and no others."""

    kid: str
    alg: str
    jose_key: Key

    @classmethod
    def of(cls, jwk: Mapping[str, object]) -> Self:
        """Build the key of a public EC P-256 JWK (RFC 7518 section 6.2.1); raise `UnusableKey` for anything else."""
        kid = jwk.get("kid")
        if not isinstance(kid, str) or not 1 <= len(kid) <= MAX_KID_CHARACTERS:
            raise UnusableKey("no kid")
        if (jwk.get("kty"), jwk.get("crv"), jwk.get("alg", "ES256")) != ("EC", "P-256", "ES256"):
            raise UnusableKey("not for ES256")
        if not PRIVATE_MEMBERS.isdisjoint(jwk):
            raise UnusableKey("a private key was published")
        if jwk.get("use", "sig") != "sig" or not _may_verify(jwk.get("key_ops", ["verify"])):
            raise UnusableKey("not for verifying")
        try:
            public = EllipticCurvePublicNumbers(_coordinate(jwk, "x"), _coordinate(jwk, "y"), SECP256R1()).public_key()
        except ValueError as error:
            raise UnusableKey("not a point of the curve") from error
        return cls(kid, "ES256", CryptographyECKey(public, "ES256"))


class KeySource(Protocol):
    """Where the public keys of our own tokens come from: another service's key set, or this service's own table."""

    @property
    def changes(self) -> int:
        """How often the set has changed. On every change the verifier forgets what it has verified."""

    async def key(self, kid: str) -> PublicKey | None:
        """Return the key of this id, or None when there is none.

        Raises `KeysUnavailable`, or another `Problem`, when that cannot be told for the moment.
        """


def read_key_set(document: bytes) -> tuple[KeySet, int]:
    """Return the usable keys of a JWK set (RFC 7517 section 5), and how many others were skipped.

    Raises ValueError for what is no such set, for one of more than 50 keys, and for one without a usable key.
    """
    jwks = parse_object(document).get("keys")
    if not isinstance(jwks, list) or len(jwks) > MAX_KEYS:
        raise UnusableKey(f"not a set of at most {MAX_KEYS} keys")
    usable = [key for jwk in jwks if (key := _usable(jwk)) is not None]
    # Which of two keys a repeated id means is anybody's guess, so it means neither.
    times = Counter(jwk.get("kid") for jwk in jwks if isinstance(jwk, dict) and isinstance(jwk.get("kid"), str))
    keys = {key.kid: key for key in usable if times[key.kid] == 1}
    if not keys:
        raise UnusableKey("no usable key in the set")
    return keys, len(jwks) - len(keys)


def hmac_key(secret: str) -> Key:
    """Build the HS256 key of a secret, or raise `UnusableKey` for one that is short, a key set or an asymmetric key."""
    if len(secret.encode()) < MIN_SECRET_BYTES:
        raise UnusableKey(f"is too short: at least {MIN_SECRET_BYTES} bytes are needed")
    # `jose.jwt.decode(token, secret)` of another holder reads such a text as a key set.
    if secret.startswith(("{", "[", '"')):
        raise UnusableKey('must not start with {, [ or "')
    try:
        return CryptographyHMACKey(secret.encode(), "HS256")
    except JWKError as error:
        raise UnusableKey("is an asymmetric key, not a secret") from error


def _usable(jwk: object) -> PublicKey | None:
    try:
        return PublicKey.of(jwk) if isinstance(jwk, dict) else None
    except UnusableKey:
        return None


def _may_verify(operations: object) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _coordinate(jwk: Mapping[str, object], name: str) -> int:
    value = jwk.get(name)
    raw = decode_part(value) if isinstance(value, str) else b""
    if len(raw) != COORDINATE_BYTES:
        raise UnusableKey(f"{name} is not {COORDINATE_BYTES} bytes")
    return int.from_bytes(raw, "big")
