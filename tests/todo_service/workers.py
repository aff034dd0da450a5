"""The worker as a process of its own, which a test may stop or kill, and its commands."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from devstack.ports import free_ports

COMMAND = (sys.executable, "-m", "todo_service.worker")


class Worker:
    """A worker process. As a context manager it is killed at the end, if it still runs."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self.admin_port = int(environment["ADMIN_PORT"])
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(COMMAND, env=environment, stdout=output, stderr=subprocess.STDOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    async def stop(self) -> tuple[int, float]:
        """Ask it to end; return its exit status and how many seconds it took."""
        asked = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self.process.wait, 10)
        return status, time.monotonic() - asked

    def output(self) -> str:
        """All that it has said."""
        return self._log.read_text()

    def lines(self, event: str) -> list[dict[str, object]]:
        """Its log lines of this kind."""
        lines = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


def environment_of(database_url: str, redis_url: str) -> dict[str, str]:
    """Return what a worker on these servers needs; nobody takes its mail."""
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "PUBLIC_URL": "http://localhost:8080",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "Todo <todo@example.com>",
        "ADMIN_PORT": "0",
        "DRAIN_SECONDS": "0",
    }


@contextmanager
def workers_with(environment: Mapping[str, str], folder: Path) -> Iterator[Callable[..., Worker]]:
    """Give `start(REDIS_URL=…)`, which starts a worker with what it is given and `environment`; all end after."""
    started: list[Worker] = []

    def start(**others: str) -> Worker:
        own = {**environment, "ADMIN_PORT": str(*free_ports(1)), **others}
        started.append(Worker(folder / f"worker-{len(started)}.log", own))
        return started[-1]

    try:
        yield start
    finally:
        for worker in started:
            worker.kill()


async def run_command(words: tuple[str, ...], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command of the worker; return its exit status, and what it said."""
    ended = await asyncio.to_thread(
        subprocess.run, [*COMMAND, *words], env=environment, capture_output=True, text=True, timeout=30
    )
    return ended.returncode, ended.stdout + ended.stderr
