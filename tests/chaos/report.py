"""What a storm came to, for people."""

from collections import Counter

from tests.chaos.tally import Tally

SHOWN_FAULTS = 20


def report(tally: Tally, seed: int, seconds: float) -> str:
    """Return the summary, with PASS or FAIL and the seed as its last line."""
    lines = [
        ("kills", _each(tally.kills)),
        ("all ready again", f"{tally.recovery_seconds:.1f} s after the last second of it"),
        ("writes acknowledged", _each(tally.acknowledged)),
        ("longest without one", f"{tally.longest_gap_seconds:.1f} s"),
        ("requests repeated", f"{tally.repeated}, because of {_each(tally.failures)}"),
        ("outcome unknown", f"{tally.unknown}, all known in the end; {tally.found_done} were found done"),
        ("sessions", f"{tally.refreshes} refreshes, {tally.logins} logins after too long a wait for one"),
        ("readers", f"{tally.pulls} pulls, {tally.events} events, {tally.crashes} crashes, {tally.resets} resets"),
        ("mails", f"{tally.mails}, of which {tally.repeated_mails} came again"),
    ]
    faults = tally.faults[:SHOWN_FAULTS]
    if more := len(tally.faults) - len(faults):
        faults.append(f"and {more} more")
    outcome = f"FAIL: {len(tally.faults)} faults" if faults else "PASS"
    return "\n".join(
        [
            *(f"{name:>20}  {said}" for name, said in lines),
            *(f"               fault  {fault}" for fault in faults),
            f"{outcome}, {seconds:.0f} s, CHAOS_SEED={seed}",
        ]
    )


def _each(counts: Counter[str]) -> str:
    """Return a total and what it is made of."""
    parts = ", ".join(f"{name} {number}" for name, number in sorted(counts.items()))
    return f"{counts.total()} ({parts})" if parts else "0"
