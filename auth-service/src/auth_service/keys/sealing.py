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

    def __init__(self, kid: str) -> None:
        super().__init__(f"signing key {kid} opens with neither AUTH_SECRET nor AUTH_SECRET_PREVIOUS")


class Seal:
    """Seals with the first of `keys` (32 bytes each) and opens with any of them: AES-256-GCM (NIST SP 800-38D)."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(keys)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Name the keys that open; the first of them seals."""
        return tuple(sha256(key).hexdigest()[:16] for key in self._keys)

    @property
    def key_id(self) -> str:
        """Name the key that seals, so that rows sealed with an older one can be found."""
        return self.key_ids[0]

    def close(self, secret: bytes, kid: str) -> bytes:
        """Return `secret` sealed under a fresh nonce, and bound to `kid`: it opens for no other row."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self._keys[0]).encrypt(nonce, secret, kid.encode())

    def open(self, sealed: bytes | None, kid: str) -> bytes:
        """Return what was sealed for `kid`, or raise `SealedWithAnotherSecret`, also for what was erased or damaged."""
        nonce, secret = (sealed or b"")[:NONCE_BYTES], (sealed or b"")[NONCE_BYTES:]
        for key in self._keys:
            try:
                return AESGCM(key).decrypt(nonce, secret, kid.encode())
            except (InvalidTag, ValueError):
                continue
        raise SealedWithAnotherSecret(kid)
