"""The counts of one process, for when Redis is away."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from auth_service.throttles.rules import Bucket, Mode, Refusal

__all__ = ["LocalCounts"]

MOST_KEYS = 100_000
"""About 25 MB. Beyond, what was counted longest ago is forgotten."""


@dataclass(slots=True)
class Count:
    """How many attempts there were, when that is forgotten, and whether a refusal has been told since the last."""

    attempts: int
    until: float
    is_told: bool = False


class LocalCounts:
    """Counts as Redis does, at half the rate: as a rule there is a second replica that counts on its own too."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, Count] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def run(self, mode: Mode, buckets: Sequence[Bucket]) -> Refusal | None:
        """Count one attempt in all `buckets`, or, when one of them is full, in none and return why; or only look."""
        now = self._clock()
        waits = [(self._wait(bucket, now), bucket) for bucket in buckets]
        wait, fullest = max(waits, key=lambda one: one[0])
        if wait > 0:
            count = self._counts[fullest.key]
            is_first, count.is_told = not count.is_told, True
            return Refusal(fullest.limit, math.ceil(wait), is_first)
        if mode is Mode.COUNT:
            for bucket in buckets:
                self._add(bucket, now)
        return None

    def clear(self, keys: Sequence[str]) -> None:
        """Forget what was counted under these keys."""
        for key in keys:
            self._counts.pop(key, None)

    def _wait(self, bucket: Bucket, now: float) -> float:
        count = self._counts.get(bucket.key)
        if count is None or count.until <= now:
            return 0
        return bucket.rule.halved().wait(count.attempts, count.until - now)

    def _add(self, bucket: Bucket, now: float) -> None:
        count = self._counts.pop(bucket.key, None)
        if count is None or count.until <= now:
            count = Count(0, now + bucket.rule.seconds)
        elif bucket.rule.pause:
            count.until = now + bucket.rule.seconds
        count.attempts, count.is_told = count.attempts + 1, False
        self._counts[bucket.key] = count
        if len(self._counts) > MOST_KEYS:
            self._counts.popitem(last=False)
