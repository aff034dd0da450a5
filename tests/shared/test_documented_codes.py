"""docs/problems.md knows every code that a client can meet."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

from shared.problems import Problem

DOCUMENT = Path(__file__).parents[2] / "docs" / "problems.md"
BASES = {"conflict", "forbidden", "precondition_failed", "unauthorized", "unavailable"}
"""Codes of classes that only serve as bases."""


def import_everything() -> None:
    """Import all modules of all services, so that each class of problem exists."""
    for name in ("shared", "auth_service", "todo_service", "gateway"):
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)


def kinds(base: type[Problem]) -> Iterator[type[Problem]]:
    """Return all classes below `base`."""
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_code_is_documented_under_its_status():
    """A code that a service can answer with has a row, and no row is left over."""
    import_everything()
    raised = {
        (str(kind.status), kind.code)
        for kind in kinds(Problem)
        if kind.__module__.split(".")[0] in {"shared", "auth_service", "todo_service", "gateway"}
    }
    rows = re.findall(r"^\| (\d{3}) \| ([^|]+) \|", DOCUMENT.read_text(), re.MULTILINE)
    documented = {(status, code) for status, codes in rows for code in re.findall(r"`(\w+)`", codes)}

    assert {(status, code) for status, code in raised if code not in BASES} == documented
