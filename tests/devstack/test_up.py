"""`python -m devstack`, as a person at a terminal meets it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import httpx
import pytest

from devstack.members import PROCESSES
from devstack.places import temporary_folder
from devstack.ports import free_ports
from devstack.stack import Entry, Stack

START_SECONDS = 60


class Terminal:
    """Runs devstack with its data in one folder, each time on the same ports."""

    def __init__(self, folder: Path, ending: ExitStack) -> None:
        self.folder = folder
        self.log = folder / "nothing has run yet"
        """What the latest run says; each has a file of its own, for the one before may still write."""
        self.port, mail_port = free_ports(2)
        self.environment = os.environ | {"PORT": str(self.port), "MAIL_PORT": str(mail_port)}
        self._ending = ending
        self._runs = count()

    def start(self, command: str = "up", **variables: str) -> subprocess.Popen[bytes]:
        self.log = self.folder / f"output-{next(self._runs)}.log"
        with self.log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "devstack", command, "--folder", str(self.folder / "data")],
                env=self.environment | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._ending.callback(end, process)
        return process

    def run(self, command: str = "up", **variables: str) -> tuple[int, str]:
        """Run it to its end; return its status and what it said."""
        status = self.start(command, **variables).wait(START_SECONDS)
        return status, self.log.read_text()

    def until_ready(self, process: subprocess.Popen[bytes]) -> float:
        """Wait for `ready:`, and return the seconds that took."""
        began = time.monotonic()
        self.until(process, lambda: f"\nready: http://127.0.0.1:{self.port}\n" in self.log.read_text())
        return time.monotonic() - began

    def until(self, process: subprocess.Popen[bytes], holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not holds():
            assert process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def processes(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in Stack(self.folder / "data").read()}

    def stack(self) -> dict[str, dict[str, str]]:
        return json.loads((self.folder / "data" / "stack.json").read_text())


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder whose data outlive a test: creating and migrating them takes longer than starting the set."""
    with temporary_folder() as folder:
        yield folder


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    """A terminal in front of that folder."""
    with ExitStack() as ending:
        yield Terminal(folder, ending)


class TestUp:
    def test_comes_up_goes_down_and_leaves_nothing(self, terminal: Terminal):
        """It is ready when both services work through the gateway, and stack.json says where everything is.

        Ctrl-C ends everything within seconds.
        """
        process = terminal.start()
        terminal.until_ready(process)
        answers = [
            httpx.get(f"http://127.0.0.1:{terminal.port}{path}") for path in ("/.well-known/jwks.json", "/todos")
        ]
        running, stack = terminal.processes(), terminal.stack()
        healthy = [httpx.get(f"{url}/livez") for url in stack["admin_urls"].values()]

        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        status = process.wait(60)

        assert time.monotonic() - began < 20
        assert [status, *(answer.status_code for answer in answers)] == [0, 200, 401]
        assert [answer.status_code for answer in healthy] == [200] * len(PROCESSES)
        assert stack["urls"]["gateway"] == f"http://127.0.0.1:{terminal.port}"
        assert set(running) == set(stack["admin_urls"]) | {"postgres", "valkey", "mail"}
        assert not any(entry.runs() for entry in running.values())
        assert terminal.processes() == {}

    def test_ends_what_a_killed_one_has_left(self, terminal: Terminal):
        """After kill -9 the next start takes over ports, data and secrets, and migrates nothing again."""
        first = terminal.start()
        terminal.until_ready(first)
        left = terminal.processes()
        secrets = (terminal.folder / "data" / "secrets.env").read_text()
        first.kill()
        first.wait()
        assert all(entry.runs() for entry in left.values())

        second = terminal.start()
        terminal.until_ready(second)

        assert "ended what an earlier run had left: gateway, " in terminal.log.read_text()
        assert "migrate" not in terminal.log.read_text()
        assert not any(entry.runs() for entry in left.values())
        assert (terminal.folder / "data" / "secrets.env").read_text() == secrets

    def test_can_be_stopped_while_it_starts(self, terminal: Terminal):
        """Ctrl-C is heard before everything is up, too."""
        process = terminal.start()
        terminal.until(process, lambda: "postgres" in terminal.processes())
        running = terminal.processes()

        process.send_signal(signal.SIGINT)

        assert process.wait(5) == 0
        assert not any(entry.runs() for entry in (running | terminal.processes()).values())

    def test_is_refused_while_another_one_runs(self, terminal: Terminal):
        """The second one in a folder says so and starts nothing."""
        first = terminal.start()
        terminal.until(first, lambda: "postgres" in terminal.processes())

        status, said = terminal.run(PORT=str(free_ports(1)[0]))

        assert status == 1
        assert f"runs already (process {first.pid})" in said

    @pytest.mark.parametrize("variable", ["PORT", "MAIL_PORT"])
    def test_names_a_taken_port_before_anything_is_started(self, terminal: Terminal, variable: str):
        """One sentence with the port and its variable."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            status, said = terminal.run(**{variable: str(port)})

        assert status == 1
        assert said.startswith(f"make up: port {port} is taken")
        assert f"{variable}=" in said
        assert terminal.processes() == {}

    def test_shows_why_a_service_does_not_start(self, terminal: Terminal):
        """A service that ends while the set starts is named with its last words, and everything is stopped."""
        status, said = terminal.run(AUTH_SECRET="too short")

        assert status == 1
        # Both of its processes read the secret: whichever was first is named.
        assert re.search(r"make up: auth-(service|worker) ended with status 2\. Its last words:", said)
        assert "AUTH_SECRET: is too short" in said.partition("make up:")[2]
        assert terminal.processes() == {}


class TestReset:
    def test_deletes_data_and_secrets(self, terminal: Terminal):
        """Afterwards there is nothing, and doing it again is no error."""
        process = terminal.start()
        terminal.until(process, lambda: "postgres" in terminal.processes())
        process.send_signal(signal.SIGINT)
        process.wait(10)

        first, second = terminal.run("reset"), terminal.run("reset")

        assert [first[0], second[0]] == [0, 0]
        assert "deleted " in first[1]

        assert not (terminal.folder / "data").exists()
