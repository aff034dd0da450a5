"""The whole set as `make up` starts it, for who wants one: the system tests, and the storm of `make chaos`."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.ports import free_ports

START_SECONDS, STOP_SECONDS = 60, 10


@dataclass(frozen=True, slots=True)
class RunningSet:
    """Where the set is; `folder` holds its stack.json and its output when the tests have started it."""

    url: str
    mail_url: str
    folder: Path | None = None

    def signal(self, process: str, number: signal.Signals) -> None:
        """Send a signal to one of its processes."""
        os.kill(self.stack()["processes"][process]["pid"], number)

    def stack(self) -> dict:
        """Return what stack.json says now."""
        assert self.folder is not None
        return json.loads((self.folder / "stack.json").read_text())

    def output(self) -> str:
        """Return all that its processes have printed."""
        assert self.folder is not None
        return (self.folder / "output.log").read_text()


@contextmanager
def started_in(folder: Path, **settings: str) -> Iterator[RunningSet]:
    """Start a set with its data in `folder`, and stop it in the end. `settings` are variables of its environment."""
    port, mail_port = free_ports(2)
    usual = {"PORT": str(port), "MAIL_PORT": str(mail_port), "LOG_FORMAT": "json"}
    limits = {"THROTTLE_FACTOR": "100000", "NOTIFY_MAX_PER_HOUR": "0"}
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "devstack", "up", "--folder", str(folder)],
            env=os.environ | usual | limits | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = RunningSet(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{mail_port}", folder)
    try:
        wait_until(lambda: f"ready: {running.url}" in running.output(), process, running)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], running: RunningSet) -> None:
    """Wait for a condition while the set starts; fail with its output when it does not come up."""
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        assert process.poll() is None, running.output()
        assert time.monotonic() < deadline, running.output()
        time.sleep(0.05)
