"""A run of the benchmarks, part by part."""

import sys

from benchmarks.measure import Result
from benchmarks.parts import run_all

FIGURE = Result("T0", "a figure", 1, 1, 1, bar=1, goal=1)


def breaks() -> list[Result]:
    raise ConnectionError("the server has gone")


def gives_up() -> list[Result]:
    sys.exit("nothing answers")


def measures() -> list[Result]:
    return [FIGURE]


class TestRunningAllParts:
    def test_goes_on_behind_one_that_fails(self) -> None:
        """A part that breaks or gives up takes no figure of another away."""
        results, _ = run_all([breaks, measures, gives_up, measures])

        assert results == [FIGURE, FIGURE]

    def test_names_those_that_failed(self) -> None:
        """Who failed, and why, is told in their order."""
        _, failed = run_all([breaks, measures, gives_up])

        assert failed == [
            f"{__name__}.breaks: ConnectionError: the server has gone",
            f"{__name__}.gives_up: SystemExit: nothing answers",
        ]
