"""`.devstack/stack.json`: what runs, under which ids, ports and URLs; and the lock by which one folder has one set.

The system tests read the file. A devstack that was killed leaves it behind, and the next start ends what it names.
"""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import TextIO

from devstack.commands import CannotStart, Command

STOP_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One running process. Id and start time together tell it from a later process with the same id."""

    name: str
    kind: int
    pid: int
    started: str
    stop_signal: int

    @classmethod
    def of(cls, command: Command, pid: int) -> "Entry":
        return cls(
            name=command.name,
            kind=command.kind,
            pid=pid,
            started=started_at(pid) or "",
            stop_signal=command.stop_signal,
        )

    def runs(self) -> bool:
        """Whether this very process still runs."""
        return self.started != "" and started_at(self.pid) == self.started

    def send(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.runs():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class Stack:
    """The state of one set, in the folder of its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "stack.json"
        self.about: Mapping[str, object] = {}
        """What does not change while the set runs: its URLs and ports."""

    def write(self, entries: Iterable[Entry]) -> None:
        """Record what runs now, atomically."""
        content = {**self.about, "processes": {entry.name: asdict(entry) for entry in entries}}
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text(json.dumps(content, indent=2) + "\n")
        unfinished.replace(self._file)

    def read(self) -> list[Entry]:
        """Return what the file names; nothing when there is none, or none that can be understood."""
        try:
            return [Entry(**entry) for entry in json.loads(self._file.read_text())["processes"].values()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return []

    def end_leftovers(self) -> list[str]:
        """End what a killed devstack left running, in the order of `Kind`. Returns the names."""
        left = sorted((entry for entry in self.read() if entry.runs()), key=lambda entry: entry.kind)
        deadline = time.monotonic() + STOP_SECONDS
        for _, group in groupby(left, key=lambda entry: entry.kind):
            ending = list(group)
            for entry in ending:
                entry.send(entry.stop_signal)
            _wait_for(ending, deadline)
        for entry in left:
            entry.send(signal.SIGKILL)
        _wait_for(left, time.monotonic() + 1)
        self._file.unlink(missing_ok=True)
        return [entry.name for entry in left]


@contextmanager
def claimed(folder: Path) -> Iterator[Stack]:
    """Create the folder of a set's data and hold its lock. Raises `CannotStart` while another process does."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"the set in {folder} runs already (process {_holder(lock)}): stop it first") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield Stack(folder)


def _holder(lock: TextIO) -> str:
    lock.seek(0)
    return lock.read() or "unknown"


def started_at(pid: int) -> str | None:
    """Return when a process was started, in the system's own notation; None when there is none, or only its zombie."""
    try:
        # The name, field 2, may hold spaces and brackets; state and start time are fields 3 and 22 of proc_pid_stat(5).
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _started_at_by_ps(pid)
    return None if fields[0] in {"Z", "X"} else fields[19]


def _started_at_by_ps(pid: int) -> str | None:
    argv = ("ps", "-o", "stat=,lstart=", "-p", str(pid))
    found = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    state, _, started = found.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def _wait_for(entries: list[Entry], deadline: float) -> None:
    while any(entry.runs() for entry in entries) and time.monotonic() < deadline:
        time.sleep(0.02)
