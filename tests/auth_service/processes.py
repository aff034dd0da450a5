"""The service as a process of its own, by the command that operators use."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from devstack.members import UVICORN_FLAGS
from tests.auth_service.running import AUTH_SECRET, NO_REDIS, PUBLIC_URL, SHARED_SECRET

START_SECONDS = 20


@dataclass
class Process:
    """A running process: what it has said so far, and a client for it."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    said: bytearray = field(default_factory=bytearray)

    @property
    def output(self) -> str:
        """Everything that it has written to stdout and stderr."""
        return self.said.decode()

    async def read(self) -> None:
        """Collect what it writes, until it ends."""
        assert self.process.stdout
        while some := await self.process.stdout.read(65_536):
            self.said += some

    async def is_up(self) -> bool:
        """Whether it answers."""
        try:
            return (await self.client.get("/health")).status_code == 200
        except httpx.TransportError:
            return False


def environment(**changed: str | None) -> dict[str, str]:
    """Return an environment in which the service starts, apart from what is `changed`; None removes a variable."""
    given = {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "PUBLIC_URL": PUBLIC_URL,
        "DATABASE_URL": "postgresql://auth@127.0.0.1:1/auth",
        "REDIS_URL": NO_REDIS,
        "THROTTLE_FACTOR": "100000",
        "AUTH_SECRET": AUTH_SECRET,
        "BETTER_AUTH_SECRET": SHARED_SECRET,
        "ADMIN_PORT": "0",
        "DRAIN_SECONDS": "0",
    } | changed
    return {name: value for name, value in given.items() if value is not None}


@asynccontextmanager
async def running(env: dict[str, str]) -> AsyncIterator[Process]:
    """Start the service on a free port, and end it after. It need not have come up yet."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = ("-m", "uvicorn", "--factory", "auth_service.main:create_app", "--port", str(port), *UVICORN_FLAGS)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        started = Process(process, client)
        reading = asyncio.create_task(started.read())
        try:
            yield started
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 10)
            await reading
