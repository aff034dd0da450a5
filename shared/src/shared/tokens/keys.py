"""The keys that verify, ready built: public ones by their id, out of a key set or a table, and secrets."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from jose.backends.base import Key
from jose.backends.cryptography_backend import CryptographyHMACKey
from jose.exceptions import JWKError

from shared.tokens.jwk import UnusableKey, built_key
from shared.tokens.strict import parse_object

__all__ = ["MAX_KID_CHARACTERS", "KeySet", "KeySource", "PublicKey", "hmac_key", "read_key_set"]

MAX_KEYS = 50
MAX_KID_CHARACTERS = 128
MIN_SECRET_BYTES = 32

KeySet = dict[str, "PublicKey"]
"""The usable keys of a set, by `kid`."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies signatures of one algorithm, and no others."""

    kid: str
    alg: str
    jose_key: Key

    @classmethod
    def of(cls, jwk: Mapping[str, object]) -> Self:
        """Build the key of a public JWK; raise `UnusableKey` for one without an id, and as `built_key` does."""
        kid = jwk.get("kid")
        if not isinstance(kid, str) or not 1 <= len(kid) <= MAX_KID_CHARACTERS:
            raise UnusableKey("no kid")
        return cls(kid, *built_key(jwk))


class KeySource(Protocol):
    """Where public keys come from: another service's key set, or this service's own table."""

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
