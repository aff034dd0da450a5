"""Replicas of a process as operators start them, and clients that ask whichever of them is ready."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from devstack.members import UVICORN_FLAGS
from devstack.ports import free_ports
from tests.waiting import until

LOOK_EVERY_SECONDS = 0.05
START_SECONDS = 60
CLIENTS = 6


@dataclass
class Replica:
    """One process, and a client that keeps its connections."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient

    async def readiness(self) -> tuple[int, str | None]:
        """Return the status of its readiness and the reason that it gives; 0 when nobody answers."""
        try:
            answer = await self.client.get("/readyz")
        except httpx.TransportError:
            return 0, "nobody there"
        return answer.status_code, answer.json().get("reason")

    async def is_ready(self) -> bool:
        """Whether it wants work."""
        assert self.process.returncode is None, "it has ended"
        return (await self.readiness())[0] == 200

    async def is_draining(self) -> bool:
        """Whether it says so."""
        return await self.readiness() == (503, "draining")

    def tell_to_end(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    async def ended(self) -> int:
        """Wait for its end; return the exit status."""
        async with asyncio.timeout(START_SECONDS):
            return await self.process.wait()


def service(module: str, host: str, port: int) -> Sequence[str]:
    """Return the command of a service."""
    listen = ("--host", host, "--port", str(port))
    return ("-m", "uvicorn", "--factory", f"{module}.main:create_app", *listen, *UVICORN_FLAGS)


@asynccontextmanager
async def replica(
    module: str, environment: Mapping[str, str], host: str = "127.0.0.1", port: int | None = None
) -> AsyncIterator[Replica]:
    """Run a process of `auth_service`, `todo_service`, or of a gateway's module; end it after."""
    port = port or free_ports(1)[0]
    command = service(module, host, port) if module.endswith("_service") else ("-m", module)
    usual = {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "PUBLIC_URL": "http://localhost:8080",
        "LOG_LEVEL": "warning",
        "ADMIN_PORT": "0",
        "PORT": str(port),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env={**usual, **environment})
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=20, trust_env=False) as client:
        one = Replica(process, client)
        try:
            await until(one.is_ready, seconds=START_SECONDS)
            yield one
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@dataclass
class Crowd:
    """Clients who ask all the time, each time one of the replicas that were ready a moment ago."""

    replicas: list[Replica]
    path: str
    headers: Mapping[str, str]
    answers: Counter[str] = field(default_factory=Counter)
    ready: list[int] = field(default_factory=list)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Ask while entered."""
        self.ready, stop = list(range(len(self.replicas))), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look(stop))
            for _ in range(CLIENTS):
                tasks.create_task(self._ask(stop))
            try:
                yield
            finally:
                stop.set()

    async def has_asked(self, more: int) -> None:
        """Return when so many more have been answered."""
        enough = self.answers.total() + more
        await until(lambda: self.answers.total() >= enough, seconds=START_SECONDS)

    async def _look(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            readiness = [await one.readiness() for one in self.replicas]
            self.ready = [number for number, (status, _) in enumerate(readiness) if status == 200]
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _ask(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            number = random.choice(self.ready)
            try:
                answer = await self.replicas[number].client.get(self.path, headers=self.headers)
            except httpx.TransportError as error:
                self.answers[repr(error)] += 1
                continue
            self.answers[str(answer.status_code)] += 1
            await asyncio.sleep(0)
