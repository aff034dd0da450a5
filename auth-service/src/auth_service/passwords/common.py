"""The passwords that everybody tries first."""

import runpy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["common_passwords"]

SHORTEST = 8
"""PASSWORD_MIN_LENGTH is no less: what is shorter is refused for that."""


@cache
def common_passwords() -> frozenset[str]:
    """Return the list of the zxcvbn package, casefolded, without those that are too short anyway.

    Of the package only this file of data is run: its scorer keeps ten times as much in memory, and raises for what is
    longer than 72 characters.
    """
    package = find_spec("zxcvbn")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("zxcvbn", name="zxcvbn")
    lists = runpy.run_path(str(Path(package.submodule_search_locations[0]) / "frequency_lists.py"))
    return frozenset(one.casefold() for one in lists["FREQUENCY_LISTS"]["passwords"] if len(one) >= SHORTEST)
