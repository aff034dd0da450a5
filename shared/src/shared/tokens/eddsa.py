"""EdDSA for python-jose, which has none: the one class of keys that is ours."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jose.backends.base import Key

__all__ = ["Ed25519Key"]


class Ed25519Key(Key):
    """A public key on the curve Ed25519 that verifies EdDSA signatures (RFC 8037 section 3.1)."""

    def __init__(self, public: Ed25519PublicKey) -> None:
        super().__init__(public, "EdDSA")
        self._public = public

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Whether `sig` is this key's signature of `msg`; of its many spellings OpenSSL takes one."""
        try:
            self._public.verify(sig, msg)
        except InvalidSignature:
            return False
        return True
