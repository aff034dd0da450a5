"""The service as a process of its own, which a test may stop or kill."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.todo_service.harness import NOWHERE, SECRET
from tests.waiting import until

FLAGS = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--timeout-graceful-shutdown", "25")


@dataclass
class ServiceProcess:
    """A process of the service, and a client of it."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    port: int
    said: bytearray = field(default_factory=bytearray)

    async def is_up(self) -> bool:
        """Whether it answers."""
        assert self.process.returncode is None, self.said.decode()
        try:
            return (await self.client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def read(self) -> None:
        """Collect what it writes, until it ends."""
        assert self.process.stdout
        while some := await self.process.stdout.read(65_536):
            self.said += some

    async def stop(self) -> float:
        """Send SIGTERM, and return how many seconds it took to end."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a crash would."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> float:
        started = time.monotonic()
        self.process.send_signal(number)
        async with asyncio.timeout(30):
            await self.process.wait()
        return time.monotonic() - started


@asynccontextmanager
async def started(
    database_url: str, redis_url: str, kind: type[ServiceProcess] = ServiceProcess, **environment: str
) -> AsyncIterator[ServiceProcess]:
    """Start a process on these servers, and end it after."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    given = {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "PUBLIC_URL": "http://localhost:8080",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "AUTH_JWKS_URL": NOWHERE,
        "BETTER_AUTH_SECRET": SECRET,
        "ADMIN_PORT": "0",
        "DRAIN_SECONDS": "0",
    }
    command = ("-m", "uvicorn", "--factory", "todo_service.main:create_app", "--port", str(port), *FLAGS)
    out = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=given | environment, **out)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        service = kind(process, client, port)
        reading = asyncio.create_task(service.read())
        try:
            await until(service.is_up, seconds=60)
            yield service
        finally:
            if process.returncode is None:
                await service.stop()
            await reading
