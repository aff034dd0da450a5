"""Public keys read from JWKs (RFC 7517) under our own rules: one that breaks a rule is unusable, and never mended.

python-jose never sees a JWK: it takes any curve for ES256 and RSA keys of any size, reads private keys where public
ones belong, ignores `use` and `key_ops`, and stumbles over types that it does not know.
"""

from collections.abc import Callable, Mapping

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from jose.backends.base import Key
from jose.backends.cryptography_backend import CryptographyECKey, CryptographyRSAKey

from shared.tokens.eddsa import Ed25519Key
from shared.tokens.strict import decode_part

__all__ = ["UnusableKey", "built_key"]

P256_COORDINATE_BYTES = 32
ED25519_BYTES = 32
# RFC 7518 section 3.3 demands 2048 bits. More than 8192 would make verifying slow, and nobody uses them.
RSA_BITS = range(2048, 8192 + 1)
# FIPS 186-5 appendix A.1.1 demands more than 2**16. A longer one than four bytes makes verifying slow.
RSA_EXPONENTS = range(2**16 + 1, 2**32)
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class UnusableKey(ValueError):
    """A key breaks one of our rules, or a key set holds none that keeps them."""


def built_key(jwk: Mapping[str, object]) -> tuple[str, Key]:
    """Return the algorithm that a public JWK is for, by its type and curve, and the key built for it.

    Raises `UnusableKey` for what is no public key for verifying ES256, RS256 or EdDSA signatures.
    """
    kind = jwk.get("kty"), jwk.get("crv")
    found = next(((alg, build) for known, alg, build in _KINDS if kind == known), None)
    if found is None or jwk.get("alg", found[0]) != found[0]:
        raise UnusableKey("not for ES256, RS256 or EdDSA")
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise UnusableKey("a private key was published")
    if jwk.get("use", "sig") != "sig" or not _may_verify(jwk.get("key_ops", ["verify"])):
        raise UnusableKey("not for verifying")
    alg, build = found
    try:
        return alg, build(jwk)
    except UnusableKey:
        raise
    except ValueError as error:
        raise UnusableKey("its numbers are no key") from error


def _p256(jwk: Mapping[str, object]) -> Key:
    x, y = (int.from_bytes(_member(jwk, name, P256_COORDINATE_BYTES), "big") for name in ("x", "y"))
    return CryptographyECKey(EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key(), "ES256")


def _rsa(jwk: Mapping[str, object]) -> Key:
    n, e = _number(jwk, "n"), _number(jwk, "e")
    if n.bit_length() not in RSA_BITS or e not in RSA_EXPONENTS:
        raise UnusableKey("an RSA key of a size that is not safe")
    return CryptographyRSAKey(RSAPublicNumbers(e, n).public_key(), "RS256")


def _ed25519(jwk: Mapping[str, object]) -> Key:
    return Ed25519Key(Ed25519PublicKey.from_public_bytes(_member(jwk, "x", ED25519_BYTES)))


_KINDS: tuple[tuple[tuple[str, str | None], str, Callable[[Mapping[str, object]], Key]], ...] = (
    (("EC", "P-256"), "ES256", _p256),
    (("RSA", None), "RS256", _rsa),
    (("OKP", "Ed25519"), "EdDSA", _ed25519),
)
"""Type and curve, the one algorithm that such a key is for, and how it is built."""


def _may_verify(operations: object) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _member(jwk: Mapping[str, object], name: str, size: int) -> bytes:
    """Return a member of exactly `size` bytes, leading zeros included (RFC 7518 section 6.2.1.2)."""
    raw = _octets(jwk, name)
    if len(raw) != size:
        raise UnusableKey(f"{name} is not {size} bytes")
    return raw


def _number(jwk: Mapping[str, object], name: str) -> int:
    """Return a number in as few bytes as it needs (RFC 7518 section 2, Base64urlUInt)."""
    raw = _octets(jwk, name)
    if not raw or raw[0] == 0:
        raise UnusableKey(f"{name} is not written as a number")
    return int.from_bytes(raw, "big")


def _octets(jwk: Mapping[str, object], name: str) -> bytes:
    value = jwk.get(name)
    return decode_part(value) if isinstance(value, str) else b""
