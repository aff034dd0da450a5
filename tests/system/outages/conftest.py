"""What operators see of a running set while something of it is away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import httpx
import pytest

from tests.metering import read
from tests.running_set import RunningSet
from tests.system.conftest import NewPerson, Person
from tests.system.outages.load import Load

PEOPLE = 4
SERVICES = ("auth-service", "todo-service")
HURRY = "UPDATE outbox SET next_at = now() WHERE state IN ('waiting', 'queued')"
OPEN = "SELECT count(*) FROM outbox WHERE state IN ('waiting', 'queued', 'working')"


@dataclass(frozen=True)
class Inside:
    """A running set, and what its operators can ask it."""

    running: RunningSet
    admin: httpx.AsyncClient

    @property
    def pids(self) -> dict[str, int]:
        """The ids of our own processes."""
        stack = self.running.stack()
        return {name: stack["processes"].get(name, {}).get("pid", 0) for name in stack["admin_urls"]}

    async def is_answered(self, status: int, path: str, *processes: str) -> bool:
        """Whether the admin ports of these processes answer so."""
        return {await self._status(process, path) for process in processes} == {status}

    async def figures(self, process: str) -> dict[str, float]:
        """Return what a process counts."""
        return read((await self.admin.get(self.running.stack()["admin_urls"][process] + "/metrics")).content)

    async def figure(self, name: str) -> set[float]:
        """Return what the services say of one thing."""
        return {(await self.figures(service))[name] for service in SERVICES}

    async def has_nothing_checked_out(self) -> bool:
        """Whether no service holds a connection for a request."""
        return await self.figure("db_pool_in_use") == {0}

    async def shows_mails(self) -> bool:
        """Whether the mail catcher can be asked."""
        try:
            return (await self.admin.get(f"{self.running.mail_url}/api/v1/messages")).is_success
        except httpx.TransportError:
            return False

    async def hurry(self) -> None:
        """Let so much time pass that every event that waits is due."""
        await self._ask(HURRY)

    async def has_nothing_open(self) -> bool:
        """Whether every event is settled."""
        return sum(await self._ask(OPEN)) == 0

    async def stored(self, load: Load) -> list[str]:
        """Return the titles of todos in the database that were acknowledged under a load."""
        connection = await asyncpg.connect(self.running.stack()["databases"]["todo"])
        found = await connection.fetch("SELECT title FROM todos WHERE title = ANY($1)", load.acknowledged)
        await connection.close()
        return sorted(row["title"] for row in found)

    async def _status(self, process: str, path: str) -> int:
        try:
            answer = await self.admin.get(self.running.stack()["admin_urls"][process] + path)
        except httpx.TransportError:
            return 0
        return answer.status_code

    async def _ask(self, statement: str) -> list[int]:
        answers = []
        for url in self.running.stack()["databases"].values():
            connection = await asyncpg.connect(url)
            answers.append(await connection.fetchval(statement) or 0)
            await connection.close()
        return answers


@pytest.fixture
async def inside(running_set: RunningSet) -> AsyncIterator[Inside]:
    """The set as its operators see it."""
    async with httpx.AsyncClient(timeout=10) as admin:
        yield Inside(running_set, admin)


@pytest.fixture
async def people(new_person: NewPerson) -> list[Person]:
    """Some who use it."""
    return [await new_person() for _ in range(PEOPLE)]
