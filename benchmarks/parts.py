"""Groups are run part by part: one that fails takes no other's figures away."""

import traceback
from collections.abc import Callable, Iterable
from typing import TypeAlias

from benchmarks.measure import Result

__all__ = ["Part", "run_all"]

Part: TypeAlias = Callable[[], list[Result]]


def run_all(parts: Iterable[Part]) -> tuple[list[Result], list[str]]:
    """Run each of them; return all results, and of each part that failed its name and why."""
    results: list[Result] = []
    failed: list[str] = []
    for part in parts:
        try:
            results += part()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever it is: it is shown, and fails the run
            traceback.print_exc()
            failed.append(f"{part.__module__}.{part.__name__}: {type(error).__name__}: {error}")
    return results, failed
