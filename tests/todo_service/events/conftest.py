"""The service as processes of their own, and clients that listen over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.todo_service.harness import token
from tests.todo_service.processes import ServiceProcess, started

NUMBERS = count(1)
PATIENCE_SECONDS = 7.0
"""Without Redis, changes are looked for every five seconds."""


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

    async def next(self, seconds: float = PATIENCE_SECONDS) -> Event | None:
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

    async def hears(self, seq: int, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until the change `seq` is told of."""
        async with asyncio.timeout(seconds):
            while (event := await self.next(seconds)) is None or event.seq < seq:
                assert event is not None, "the stream has ended"


class Service(ServiceProcess):
    """A process of the service that is listened to."""

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


@pytest.fixture(scope="session")
async def service(todo_database_url, valkey) -> AsyncIterator[Service]:
    """A process that no test stops."""
    async with started(todo_database_url, valkey.url, Service) as service:
        yield service


@pytest.fixture(scope="session")
async def other_service(todo_database_url, valkey) -> AsyncIterator[Service]:
    """Another one, on the same servers."""
    async with started(todo_database_url, valkey.url, Service) as service:
        yield service


@pytest.fixture
async def new_service(todo_database_url, valkey):
    """`await new_service(redis_url=…, SSE_PER_USER="2")`: a process of this test's own."""
    async with AsyncExitStack() as ending:

        async def start(redis_url: str = valkey.url, **environment: str) -> Service:
            return await ending.enter_async_context(started(todo_database_url, redis_url, Service, **environment))

        yield start


@pytest.fixture
async def sql(todo_database_url) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own."""
    connection = await asyncpg.connect(todo_database_url)
    yield connection
    await connection.close()
