"""How a figure comes about: servers pinned to one core, load and stores to the other, pairs run A B A B A B."""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devstack.ports import free_ports

SERVER_CORE, LOAD_CORE = "0", "1"
CONNECTIONS, SECONDS, ROUNDS = 32, 4, 3
SERVER_FLAGS = [
    "--loop",
    "uvloop",
    "--http",
    "httptools",
    "--no-access-log",
    "--no-server-header",
    "--log-level",
    "warning",
]


@dataclass(frozen=True, slots=True)
class Target:
    """A URL under load, and what to send there."""

    url: str
    tokens: Sequence[str] = ("",)
    """The callers, who take turns."""
    bodies: Sequence[str] = ("",)
    """What is posted, in turn; empty for a GET."""
    connections: int = CONNECTIONS

    def wrk(self, folder: Path, seconds: int) -> list[str]:
        """Return the command that loads it for so many seconds, from the load's core."""
        script = folder / "request.lua"
        script.write_text(self._lua())
        load = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), self.url]
        return ["taskset", "-c", LOAD_CORE, *load]

    def _lua(self) -> str:
        requests = "\n".join(f"add([[{token}]], [[{body}]])" for token in self.tokens for body in self.bodies)
        return f"""
            local requests, next = {{}}, 0
            local function add(token, body)
                local fields = {{["Authorization"] = token ~= "" and "Bearer " .. token or nil}}
                if body ~= "" then fields["Content-Type"] = "application/json" end
                table.insert(requests, wrk.format(body ~= "" and "POST" or "GET", nil, fields, body))
            end
            function init()
                {requests}
            end
            function request()
                next = next % #requests + 1
                return requests[next]
            end
        """


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table, and of `benchmarks/results/latest.json`."""

    id: str
    what: str
    value: float
    peer: float
    ratio: float
    bar: float
    goal: float
    at_most: bool = False
    notes: dict[str, float] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the bar is met."""
        return self.ratio <= self.bar if self.at_most else self.ratio >= self.bar


def need(program: str, package: str) -> None:
    """Exit with a hint when `program` is not on this machine."""
    if not shutil.which(program):
        sys.exit(f"make bench needs {program}: on Debian and Ubuntu, apt install {package}")


def requests_per_second(target: Target, seconds: int = SECONDS) -> float:
    """Load `target` and return its rate; exit when it answered anything but 2xx."""
    with tempfile.TemporaryDirectory() as folder:
        printed = subprocess.run(target.wrk(Path(folder), seconds), check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in printed or "Socket errors" in printed:
        sys.exit(f"{target.url} failed under load:\n{printed}")
    match = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert match, printed
    return float(match[1])


def compare(ours: Target, peer: Target) -> tuple[float, float, float]:
    """Load both in turn; return the medians of ours and the peer's, and the median of the ratios pair by pair."""
    for target in (ours, peer):
        requests_per_second(target, 1)
    pairs = [(requests_per_second(ours), requests_per_second(peer)) for _ in range(ROUNDS)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


@contextmanager
def served(application: str, path: str, environment: Mapping[str, str], *flags: str) -> Iterator[tuple[str, int]]:
    """Run `application` under uvicorn on the servers' core; give its base URL and pid once `path` answers."""
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "uvicorn", *flags, application, *SERVER_FLAGS, "--port", str(port)]
    base = f"http://127.0.0.1:{port}"
    with running(command, base + path, environment) as pid:
        yield base, pid


@contextmanager
def running(command: Sequence[str], url: str, environment: Mapping[str, str], core: str = SERVER_CORE) -> Iterator[int]:
    """Run `command` on one core; give its pid once `url` answers."""
    process = subprocess.Popen(
        ["taskset", "-c", core, *command], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )
    try:
        wait_for(url, process)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            # Left alone it would take its core from all that is measured afterwards.
            process.kill()
            process.wait()
            raise


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float = 30) -> None:
    """Return once `url` answers with any status; exit when `process` ends or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"nothing answers at {url}")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has taken (proc_pid_stat(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid: int, line: str = "VmRSS:") -> float:
    """Return the resident memory of a process, with `VmHWM:` the most that it was (proc_pid_status(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(line)[2].split()[0]) / 1024


def report(results: list[Result]) -> bool:
    """Print the table, store it as JSON, and return whether every bar holds."""
    print(f"\n{'id':4}{'what':62}{'ours':>10}{'peer':>10}{'ratio':>8}{'bar':>9}{'goal':>9}")
    for result in results:
        sign = "≤" if result.at_most else "≥"
        line = f"{result.id:4}{result.what:62}{result.value:>10.1f}{result.peer:>10.1f}{result.ratio:>8.2f}"
        bounds = f"{sign + str(result.bar):>9}{sign + str(result.goal):>9}"
        print(f"{line}{bounds}  {'holds' if result.holds else 'BELOW THE BAR'}")
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    names = ("id", "what", "value", "peer", "ratio", "bar", "goal", "holds")
    rows = [{name: getattr(result, name) for name in names} | {"notes": result.notes} for result in results]
    (folder / "latest.json").write_text(json.dumps(rows, indent=2) + "\n")
    return all(result.holds for result in results)
