"""The counts of one process."""

import time
from collections import OrderedDict
from collections.abc import Callable

from gateway.limits.rules import Rule, Verdict

__all__ = ["LocalCounts"]

MOST_KEYS = 100_000
"""Some 20 MB. Beyond, whoever was not heard of for longest is forgotten."""


def _now() -> int:
    return time.monotonic_ns() // 1000


class LocalCounts:
    """Counts as the script in Redis does, number for number, by a `clock` of microseconds."""

    def __init__(self, most_keys: int = MOST_KEYS, clock: Callable[[], int] = _now) -> None:
        self._most_keys = most_keys
        self._clock = clock
        self._made_up_at: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._made_up_at)

    def count(self, key: str, rule: Rule) -> Verdict:
        """Count a request of `key`, unless it is one too many."""
        now, interval, tolerance = self._clock(), rule.interval, rule.tolerance
        counts = self._made_up_at
        debt = min(max(counts.get(key, now) - now, 0), tolerance)
        wait = debt + interval - tolerance
        if wait > 0:
            counts.move_to_end(key)
            return Verdict(0, (tolerance - debt) // interval, debt, wait)
        debt += interval
        counts[key] = now + debt
        counts.move_to_end(key)
        if len(counts) > self._most_keys:
            counts.popitem(last=False)
        return Verdict(1, (tolerance - debt) // interval, debt, 0)
