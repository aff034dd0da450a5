"""Refresh tokens: opaque texts of 256 bits. Each derives its successor, so that every retry gets the same one.

The derivation needs the session's salt, a key of AUTH_SECRET and the token itself: neither a copy of the database nor
the key alone yields a token (decision 0009).
"""

import hmac
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import sha256

__all__ = ["SALT_BYTES", "RefreshTokens"]

PREFIX = "rt1."
TOKEN_BYTES = SALT_BYTES = 32


class RefreshTokens:
    """Makes refresh tokens with the first of `keys`, and makes them again with any of them."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(keys)

    @staticmethod
    def first() -> str:
        """Return the random token that a session begins with."""
        return _text(os.urandom(TOKEN_BYTES))

    @staticmethod
    def digest(token: str) -> bytes:
        """Return what is stored of a token. It has 256 bits of chance, so a plain hash hides it."""
        return sha256(token.encode()).digest()

    def successor(self, token: str, salt: bytes, generation: int) -> str:
        """Return the token of `generation` that follows `token`."""
        return _derive(self._keys[0], token, salt, generation)

    def recompute(self, token: str, salt: bytes, generation: int, *, digest: bytes) -> str | None:
        """Return the successor that has this digest, None when none of the keys made it."""
        candidates = (_derive(key, token, salt, generation) for key in self._keys)
        return next((made for made in candidates if hmac.compare_digest(self.digest(made), digest)), None)


def _derive(key: bytes, token: str, salt: bytes, generation: int) -> str:
    return _text(hmac.digest(key, salt + generation.to_bytes(8, "big") + token.encode(), "sha256"))


def _text(raw: bytes) -> str:
    return PREFIX + urlsafe_b64encode(raw).rstrip(b"=").decode()
