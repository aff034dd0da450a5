"""S1 and S2: what the idle set weighs, and how soon it is ready at its second start."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Result, resident_megabytes, served
from devstack.places import temporary_folder
from devstack.ports import free_ports

OURS = ("gateway", "auth-service", "todo-service", "auth-worker", "todo-worker")
IDLE_SECONDS = 3.0
START_SECONDS = 60.0


def run() -> list[Result]:
    """Start the set twice in one folder; measure the second start, then the memory of its idle processes."""
    with temporary_folder() as folder:
        with _running_set(folder):
            pass
        with _running_set(folder) as seconds:
            time.sleep(IDLE_SECONDS)
            pids = {name: json.loads((folder / "stack.json").read_text())["processes"][name]["pid"] for name in OURS}
            megabytes = {name: resident_megabytes(pid) for name, pid in pids.items()}
    with served("benchmarks.peers.ping:app", "/ping", {}) as (_, pid):
        time.sleep(IDLE_SECONDS)
        peer = resident_megabytes(pid) * len(OURS)
    total = sum(megabytes.values())
    weight = Result(
        "S1",
        "MB resident, idle gateway, services and worker / as many pings",
        *(total, peer, total / peer),
        bar=2.0,
        goal=1.5,
        at_most=True,
        notes=megabytes,
    )
    start = Result("S2", "seconds from `up` to ready, second start", seconds, 1, seconds, bar=8, goal=4, at_most=True)
    return [weight, start]


@contextmanager
def _running_set(folder: Path) -> Iterator[float]:
    """Run the set with its data in `folder`; give the seconds until it was ready."""
    port, mail_port = free_ports(2)
    environment = os.environ | {"PORT": str(port), "MAIL_PORT": str(mail_port), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "devstack", "up", "--folder", str(folder)]
    started = time.monotonic()
    with (folder / "output.log").open("w+b") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            while b"ready: " not in (folder / "output.log").read_bytes():
                if process.poll() is not None or time.monotonic() - started > START_SECONDS:
                    sys.exit((folder / "output.log").read_text())
                time.sleep(0.02)
            yield time.monotonic() - started
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(10)
