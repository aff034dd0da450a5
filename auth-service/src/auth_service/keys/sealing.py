"""Private keys sealed for storage: a copy of the database alone signs nothing."""

import os
from collections.abc import Iterable
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Seal", "SealedWithAnotherSecret"]

NONCE_BYTES = 12


class SealedWithAnotherSecret(Exception):
    """A stored private key opens with neither AUTH_SECRET nor AUTH_SECRET_PREVIOUS."""


class Seal:
    """Seals with the first of `keys` (32 bytes each) and opens with any of them: AES-256-GCM (NIST SP 800-38D)."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(keys)

    @property
    def key_id(self) -> str:
        """Name the key that seals, so that rows sealed with an older one can be found."""
        return sha256(self._keys[0]).hexdigest()[:16]

    def close(self, secret: bytes, kid: str) -> bytes:
        """Return `secret` sealed under a fresh nonce, and bound to `kid`: it opens for no other row."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._keys[0]).encrypt(nonce, secret, kid.encode())

    def open(self, sealed: bytes, kid: str) -> bytes:
        """Return what was sealed for `kid`, or raise `SealedWithAnotherSecret`."""
        for key in self._keys:
            try:
                return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], kid.encode())
            except InvalidTag:
                continue
        raise SealedWithAnotherSecret
