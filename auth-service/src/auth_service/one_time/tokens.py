"""The texts of one-time tokens, derived from the row that they belong to.

So the worker that mails a link makes the same one at every try, and neither the outbox nor a stream ever holds it.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

__all__ = ["OneTimeTokens", "Use"]

PREFIX = "ot1."


class Use(StrEnum):
    """What a token is good for. A token for one use opens no other."""

    SIGN_UP = "sign_up"
    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105  # a use
    CHANGE_EMAIL = "change_email"

    @property
    def lifetime(self) -> timedelta:
        """How long a token can be used after its mail was written."""
        return LIFETIMES[self]


LIFETIMES = {
    Use.SIGN_UP: timedelta(hours=24),
    Use.VERIFY_EMAIL: timedelta(hours=24),
    Use.RESET_PASSWORD: timedelta(minutes=30),
    Use.CHANGE_EMAIL: timedelta(hours=1),
}


class OneTimeTokens:
    """Derives tokens with the first of `keys`, and derives them again with any of them."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = tuple(keys)

    @staticmethod
    def digest(token: str) -> bytes:
        """Return what is stored of a token. It has 256 bits that nobody can guess, so a plain hash hides it."""
        return sha256(token.encode()).digest()

    def text(self, use: Use, row_id: UUID) -> str:
        """Return the token of a row."""
        return _derive(self._keys[0], use, row_id)

    def again(self, use: Use, row_id: UUID, *, digest: bytes) -> str | None:
        """Return the token of a row that was stored with this digest, None when none of the keys made it."""
        candidates = (_derive(key, use, row_id) for key in self._keys)
        return next((made for made in candidates if hmac.compare_digest(self.digest(made), digest)), None)


def _derive(key: bytes, use: Use, row_id: UUID) -> str:
    # Of fixed length and last: no other use and id give the same bytes.
    derived = hmac.digest(key, use.encode() + row_id.bytes, "sha256")
    return PREFIX + urlsafe_b64encode(derived).rstrip(b"=").decode()
