"""One limit, and what comes of asking it. Times are whole microseconds.

The algorithm (GCRA, "virtual scheduling" of ITU-T I.371) knows one number of a client: when all that it has taken will
be made up for. A request moves it on by `interval`, and is refused if it would come to be over `tolerance` from now.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from gateway.configuration.config import RateConfig
from gateway.heads.headers import Pairs

__all__ = ["Rule", "Verdict"]

SECOND = 1_000_000


class Verdict(NamedTuple):
    """What one request got."""

    is_allowed: int
    remaining: int
    """How many more may come at once."""
    full_in: int
    """After how many microseconds as many as ever may come at once."""
    next_in: int
    """After how many microseconds the next one may come; 0 unless this one was refused."""

    @property
    def retry_after(self) -> int:
        """After how many whole seconds a refused request may come again."""
        return _seconds(self.next_in)


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit by its `name`. `policy` is its value in `RateLimit-Policy`."""

    name: str
    interval: int
    """From one request to the next, at the rate that lasts."""
    tolerance: int
    """As many intervals as requests that may come at once."""
    policy: bytes

    @classmethod
    def of(cls, name: str, config: RateConfig, factor: int) -> Self:
        """Return the rule that lets in `factor` times as many as `config` says, at once and in the long run."""
        rate = config.rate * factor
        interval = max(1, round(config.per * SECOND / rate))
        policy = f'"{name}";q={rate};w={config.per}'.encode()
        return cls(name, interval, interval * config.burst * factor, policy)

    def divided(self, replicas: int) -> "Rule":
        """Return the rule for one of so many that count alone: together they let in what this one does."""
        interval = self.interval * replicas
        return replace(self, interval=interval, tolerance=max(self.tolerance, interval))

    def fields(self, verdict: Verdict) -> Pairs:
        """Return what tells the client (draft-ietf-httpapi-ratelimit-headers-11).

        `t` is when its quota is whole again; on a refusal it is `Retry-After`, which must not come before (section 6).
        """
        until = _seconds(verdict.full_in if verdict.is_allowed else verdict.next_in)
        limit = b'"%b";r=%d;t=%d' % (self.name.encode(), verdict.remaining, until)
        return [(b"ratelimit-policy", self.policy), (b"ratelimit", limit)]


def _seconds(microseconds: int) -> int:
    return -(-microseconds // SECOND)
