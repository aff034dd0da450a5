"""A supervisor with what it said and what it recorded, for stand-ins of the set's processes."""

import io
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.commands import Command, Kind
from devstack.console import Console
from devstack.processes import Supervisor
from devstack.stack import Stack


class Set:
    """A supervisor with what it said and what it recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = io.StringIO()
        self.stack = Stack(folder)
        self.supervisor = Supervisor(Console(self.output), self.stack.write)

    def command(self, name: str, code: str, *arguments: str, kind: Kind = Kind.SERVICE) -> Command:
        argv = (sys.executable, "-c", code, *arguments)
        return Command(name=name, kind=kind, argv=argv, folder=self.folder, environment={"LC_ALL": "C.UTF-8"})

    @property
    def lines(self) -> list[str]:
        return self.output.getvalue().splitlines()

    def recorded(self) -> dict[str, int]:
        """The process ids by name, from stack.json."""
        content = json.loads((self.folder / "stack.json").read_text())
        return {name: entry["pid"] for name, entry in content["processes"].items()}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Set]:
    """A supervisor without children."""
    running = Set(tmp_path)
    yield running
    running.supervisor.kill()
    await running.supervisor.stop()
