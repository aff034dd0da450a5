"""Tokens that were verified a moment ago, so that a busy caller costs one hash a request instead of one signature."""

from collections import OrderedDict

from shared.tokens.principal import Principal

__all__ = ["VerifiedTokens"]

MAX_TOKENS = 10_000
MAX_AGE_SECONDS = 30.0


class VerifiedTokens:
    """The callers of the most recently used tokens, by the SHA-256 of their text; no token is kept.

    All times are seconds of the epoch, and `changes` is the key source's: on a new one everything is forgotten.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()
        self._changes = -1

    def find(self, fingerprint: bytes, now: float, changes: int) -> Principal | None:
        """Return the caller of a token that is remembered and still holds at `now`."""
        if changes != self._changes:
            self._entries.clear()
            self._changes = changes
        entry = self._entries.get(fingerprint)
        if entry is None:
            return None
        principal, good_until = entry
        if now >= good_until:
            del self._entries[fingerprint]
            return None
        self._entries.move_to_end(fingerprint)
        return principal

    def remember(self, fingerprint: bytes, principal: Principal, now: float) -> None:
        """Keep a caller for half a minute, or until the token ends if that is sooner."""
        self._entries[fingerprint] = principal, min(principal.expires_at, now + MAX_AGE_SECONDS)
        if len(self._entries) > MAX_TOKENS:
            self._entries.popitem(last=False)
