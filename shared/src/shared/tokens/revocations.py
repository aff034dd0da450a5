"""What has been ended before its time: sessions, all older tokens of a user, signing keys.

It is known in memory, so that asking costs a request three dictionary look-ups and nothing else; a feed
(`shared.tokens.feed`) tells of it, and while that hears nothing the knowledge is stale, and says so.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from shared.tokens.errors import RevocationsStale
from shared.tokens.principal import Principal

__all__ = ["Revocation", "Revocations"]

STALE_AFTER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Revocation:
    """One end: of the session `id`, of the user `id`'s tokens below the version `ver`, or of the key `id`."""

    kind: Literal["sid", "user", "kid"]
    id: str
    expires_at: float
    """When the last token has ended by itself that it can hit, in seconds of the epoch."""
    ver: int = 0


class Revocations:
    """What has ended, and how fresh this knowledge is. Without a feed nothing has ended, and nothing is stale."""

    def __init__(self, *, fails_closed: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        """With `fails_closed`, writes are refused while the knowledge is stale. `clock` only grows, in seconds."""
        self._fails_closed = fails_closed
        self._clock = clock
        self._complete_at = math.inf
        self._sessions: dict[str, float] = {}
        self._keys: set[str] = set()
        self._versions: dict[str, tuple[int, float]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._has_news = False

    def __len__(self) -> int:
        return len(self._sessions) + len(self._keys) + len(self._versions)

    def __contains__(self, user: Principal) -> bool:
        """Whether the token that named `user` has been ended. Tokens of other issuers have nothing to end them by."""
        if user.sid in self._sessions or user.kid in self._keys:
            return True
        minimum = self._versions.get(user.id)
        return minimum is not None and user.ver is not None and user.ver < minimum[0]

    @property
    def lag_seconds(self) -> float:
        """How long ago all that had been told was known; infinity before the first time."""
        return max(0.0, self._clock() - self._complete_at)

    @property
    def is_stale(self) -> bool:
        """Whether something may have ended more than ten seconds ago that is not known here."""
        return self.lag_seconds > STALE_AFTER_SECONDS

    def remark(self) -> str | None:
        """Return what to say of it beside the readiness of the process."""
        return "stale" if self.is_stale else None

    def admit_write(self, user: Principal) -> None:
        """Raise `RevocationsStale` when nobody can tell whether `user` may still write, and that shall refuse it."""
        if self._fails_closed and user.own and self.is_stale:
            raise RevocationsStale

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something has ended; of many at once, it hears once."""
        self._listeners.append(listener)

    def expect_feed(self) -> None:
        """Know nothing for certain until `completed` is called."""
        self._complete_at = -math.inf

    def add(self, ended: Revocation) -> None:
        """Take an end to knowledge. Hearing of it again changes nothing."""
        self._has_news = True
        if ended.kind == "user":
            ver, expires_at = self._versions.get(ended.id, (0, 0.0))
            self._versions[ended.id] = max(ver, ended.ver), max(expires_at, ended.expires_at)
        elif ended.kind == "sid":
            self._sessions[ended.id] = max(self._sessions.get(ended.id, 0.0), ended.expires_at)
        else:
            self._keys.add(ended.id)

    def completed(self) -> None:
        """Note that all that has been told so far was added, and tell the listeners."""
        self._complete_at = self._clock()
        if self._has_news:
            self._has_news = False
            for listener in self._listeners:
                listener()

    def sweep(self, now: float) -> None:
        """Forget what no token can be hit by any more at `now`, in seconds of the epoch.

        Keys stay, and there are few: whoever stole one can sign tokens for as long as some key set still has it.
        """
        self._sessions = {sid: until for sid, until in self._sessions.items() if until > now}
        self._versions = {user: minimum for user, minimum in self._versions.items() if minimum[1] > now}
