"""What happened during a storm, counted."""

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """The counts of one storm, and what was found to be wrong."""

    kills: Counter[str] = field(default_factory=Counter)
    """By process."""
    failures: Counter[str] = field(default_factory=Counter)
    """Answers that did not come or were a 5xx, by code."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    """Writes, by what they did."""
    repeated: int = 0
    """Requests that were sent more than once."""
    unknown: int = 0
    """Those of them of which a try may have been carried out."""
    found_done: int = 0
    """Those of these whose next try said that it had been."""
    pulls: int = 0
    crashes: int = 0
    resets: int = 0
    events: int = 0
    refreshes: int = 0
    logins: int = 0
    """Logins by those who heard nothing of a refresh for longer than it can be repeated."""
    mails: int = 0
    repeated_mails: int = 0
    longest_gap_seconds: float = 0.0
    """The longest time in which no write of anybody was acknowledged."""
    recovery_seconds: float = 0.0
    """From the last kill until every process was ready."""
    faults: list[str] = field(default_factory=list)
    _last: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Count the gaps between writes from now on."""
        self._last, self.longest_gap_seconds = time.monotonic(), 0.0

    def acknowledge(self, what: str) -> None:
        """Count a write that is done."""
        self.acknowledged[what] += 1
        now = time.monotonic()
        self.longest_gap_seconds = max(self.longest_gap_seconds, now - self._last)
        self._last = now

    def fault(self, what: str) -> None:
        """Note what must not be."""
        self.faults.append(what)
