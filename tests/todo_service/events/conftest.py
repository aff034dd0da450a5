"""The service as processes of their own, and clients that listen over real sockets."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.todo_service.harness import NOWHERE, SECRET, token
from tests.waiting import until

FLAGS = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--timeout-graceful-shutdown", "25")
NUMBERS = count(1)


@dataclass
class Event:
    """One event, as it was on the wire."""

    event: str | None = None
    data: str | None = None
    id: str | None = None
    retry: str | None = None

    @property
    def seq(self) -> int:
        """The number of the change that it tells of."""
        assert self.event == "change"
        assert self.data is not None
        seq = json.loads(self.data)["seq"]
        assert self.id == str(seq)
        return seq


class Listener:
    """One open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self, seconds: float = 5.0) -> Event | None:
        """Return the next event, None at the end; comments are passed over."""
        parts: dict[str, str] = {}
        async with asyncio.timeout(seconds):
            async for line in self._lines:
                if line == "" and parts:
                    return Event(**parts)
                name, _, value = line.partition(": ")
                if name and value and not line.startswith(":"):
                    parts[name] = value
        return None

    async def hears(self, seq: int, seconds: float = 5.0) -> None:
        """Wait until the change `seq` is told of."""
        async with asyncio.timeout(seconds):
            while (event := await self.next(seconds)) is None or event.seq < seq:
                assert event is not None, "the stream has ended"


@dataclass
class Service:
    """A process of the service."""

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
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await self.process.wait()
        return time.monotonic() - started

    def resident_kilobytes(self) -> int:
        """The memory that it has now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    @asynccontextmanager
    async def listening(self, user: "User", query: str = "", **headers: str) -> AsyncIterator[Listener]:
        """Give an open stream of the user's events."""
        sent = {**({} if query else user.bearer), **headers}
        async with self.client.stream("GET", f"/events{query}", headers=sent) as response:
            if response.status_code != 200:
                await response.aread()
            assert response.status_code == 200, response.text
            yield Listener(response)


@dataclass
class User:
    """Somebody of whom no other test knows."""

    id: str

    @property
    def bearer(self) -> dict[str, str]:
        """What their requests carry."""
        return self.may()

    def may(self, **claims: object) -> dict[str, str]:
        """The same with other claims in the token."""
        return {"Authorization": f"Bearer {token(self.id, **claims)}"}

    async def writes(self, service: Service, title: str = "Buy milk") -> int:
        """Create a todo, and return the number of that change."""
        answer = await service.client.post("/todos", json={"title": title}, headers=self.bearer)
        assert answer.status_code == 201, answer.text
        return int(answer.headers["X-Sync-Seq"])


@pytest.fixture
def ada() -> User:
    """Somebody."""
    return User(f"ada-live-{next(NUMBERS)}")


@pytest.fixture
def grace() -> User:
    """Somebody else."""
    return User(f"grace-live-{next(NUMBERS)}")


@asynccontextmanager
async def started(database_url: str, redis_url: str, **environment: str) -> AsyncIterator[Service]:
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
    }
    command = ("-m", "uvicorn", "--factory", "todo_service.main:create_app", "--port", str(port), *FLAGS)
    out = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env=given | environment, **out)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        service = Service(process, client, port)
        reading = asyncio.create_task(service.read())
        try:
            await until(service.is_up, seconds=20)
            yield service
        finally:
            if process.returncode is None:
                await service.stop()
            await reading


@pytest.fixture(scope="session")
async def service(todo_database_url, valkey) -> AsyncIterator[Service]:
    """A process that no test stops."""
    async with started(todo_database_url, valkey.url) as service:
        yield service


@pytest.fixture(scope="session")
async def other_service(todo_database_url, valkey) -> AsyncIterator[Service]:
    """Another one, on the same servers."""
    async with started(todo_database_url, valkey.url) as service:
        yield service


@pytest.fixture
async def new_service(todo_database_url, valkey):
    """`await new_service(redis_url=…, SSE_PER_USER="2")`: a process of this test's own."""
    async with AsyncExitStack() as ending:

        async def start(redis_url: str = valkey.url, **environment: str) -> Service:
            return await ending.enter_async_context(started(todo_database_url, redis_url, **environment))

        yield start


@pytest.fixture
async def sql(todo_database_url) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own."""
    connection = await asyncpg.connect(todo_database_url)
    yield connection
    await connection.close()
