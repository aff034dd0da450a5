"""What a presented refresh token gets: the rule by which honest retries and thieves are told apart (decision 0009)."""

from datetime import datetime, timedelta
from enum import Enum, auto

from auth_service.sessions.models import RefreshToken

__all__ = ["Verdict", "judge"]

RACE = timedelta(seconds=10)
"""How long tabs may race, and how long a late `Set-Cookie` may take."""

LOST_REPLY = timedelta(seconds=30)
"""How long a client whose reply was lost may take to ask again."""


class Verdict(Enum):
    """What to do with the token that was presented."""

    ROTATE = auto()
    """Use it up, and give out its successor."""

    KEEP = auto()
    """Give it back: it is so young that another tab's late `Set-Cookie` may still put it back."""

    RECOMPUTE = auto()
    """Give out its successor once more."""

    REUSE = auto()
    """Two hold it: end the session for both."""


def judge(presented: RefreshToken, live: RefreshToken, now: datetime) -> Verdict:
    """Decide about `presented`, a token of the session whose newest token is `live`."""
    if presented.generation == live.generation:
        is_young = live.generation > 0 and now - live.issued_at <= RACE
        return Verdict.KEEP if is_young else Verdict.ROTATE
    if presented.generation == live.generation - 1 and presented.used_at is not None:
        # Once its successor has been seen, the reply was not lost, and a retry has no excuse after the race.
        window = LOST_REPLY if live.seen_at is None else RACE
        if now - presented.used_at <= window:
            return Verdict.RECOMPUTE
    return Verdict.REUSE
