"""Real servers for all tests: one PostgreSQL and one Valkey for the whole run, and more for who wants to break one.

| fixture | gives |
|---|---|
| `redis_url` | the run's Valkey, emptied before the test |
| `new_database` | `await new_database("todo")`: the URL of an empty database of the role, dropped after the test |
| `migrated_database` | `await migrated_database("todo")`: likewise, with the tables of the role's service |
| `mailbox`, `smtp_url` | what the mail catcher caught during this test, and where it listens |
| `new_postgres`, `new_valkey` | `new_postgres()`: a server that this test may stop, kill or freeze |
| `postgres`, `valkey`, `databases`, `mail_catcher` | the run's own, for longer-lived fixtures; nobody stops these |
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from devstack.letters import Mailbox
from devstack.mail import MailCatcher
from devstack.members import migration
from devstack.places import temporary_folder
from devstack.ports import free_ports
from devstack.servers import Postgres, Valkey, start_postgres, start_valkey
from shared.redis import TIMEOUT_SECONDS as PROMPT_SECONDS

PROJECT = Path(__file__).resolve().parents[1]
MIGRATION_SECONDS = 60
REDIS_TIMEOUT = "shared.redis.TIMEOUT_SECONDS"
PATIENT_SECONDS = 10.0

NewDatabase = Callable[[str], Awaitable[str]]
NewPostgres = Callable[[], Postgres]
NewValkey = Callable[[], Valkey]


class Databases:
    """Creates databases on one server, in some 20 ms each. No name is used twice."""

    def __init__(self, server: Postgres, admin: asyncpg.Connection) -> None:
        self._server = server
        self._admin = admin
        self._numbers = count(1)
        self._templates: dict[str, str] = {}

    async def create_empty(self, role: str) -> str:
        """Create a database that belongs to `role` (`auth` or `todo`) and return its URL."""
        return await self._create(role, "template0")

    async def create_migrated(self, role: str) -> str:
        """Create one with the tables of the role's service."""
        return await self._create(role, _name(await self.template(role)))

    async def template(self, role: str) -> str:
        """Return the URL of the database that `create_migrated` copies: Alembic migrates it once in this run."""
        if role not in self._templates:
            url = await self._create(role, "template0")
            await migrate(f"{role}-service", url)
            self._templates[role] = url
        return self._templates[role]

    async def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        await self._admin.execute(f"DROP DATABASE IF EXISTS {_name(url)} WITH (FORCE)")

    async def _create(self, role: str, template: str) -> str:
        name = f"test_{role}_{next(self._numbers)}"
        await self._admin.execute(f"CREATE DATABASE {name} OWNER {role} TEMPLATE {template}")
        return self._server.url_for(role, name)


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


async def migrate(service: str, url: str) -> None:
    """Bring the database at `url` to the newest schema of `service`, by the command that `make up` uses."""
    inherited = {name: value for name, value in os.environ.items() if name != "MIGRATION_DATABASE_URL"}
    command = migration(PROJECT, service, inherited | {"DATABASE_URL": url})
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=command.folder,
        env=command.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(MIGRATION_SECONDS):
        output, _ = await process.communicate()
    assert process.returncode == 0, f"{command.name} failed:\n{output.decode()}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The run's PostgreSQL."""
    with temporary_folder() as folder, start_postgres(folder / "postgres", durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """The run's Valkey. Nobody stops it: where it is late, the machine is busy, and nothing is away."""
    with (
        temporary_folder() as folder,
        start_valkey(folder, *free_ports(1)) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(REDIS_TIMEOUT, PATIENT_SECONDS)
        yield server


@pytest.fixture(scope="session")
async def databases(postgres: Postgres) -> AsyncIterator[Databases]:
    """Databases on the run's PostgreSQL. Whoever creates one drops it."""
    admin = await asyncpg.connect(postgres.admin_url)
    yield Databases(postgres, admin)
    await admin.close()


@pytest.fixture
async def new_database(databases: Databases) -> AsyncIterator[NewDatabase]:
    """Empty databases for one test."""
    async for create in _for_one_test(databases, databases.create_empty):
        yield create


@pytest.fixture
async def migrated_database(databases: Databases) -> AsyncIterator[NewDatabase]:
    """Migrated databases for one test."""
    async for create in _for_one_test(databases, databases.create_migrated):
        yield create


async def _for_one_test(databases: Databases, create: NewDatabase) -> AsyncIterator[NewDatabase]:
    urls: list[str] = []

    async def create_and_remember(role: str) -> str:
        urls.append(await create(role))
        return urls[-1]

    yield create_and_remember
    for url in urls:
        await databases.drop(url)


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """The run's Valkey, empty."""
    assert valkey.ask("FLUSHALL").startswith("+OK")
    return valkey.url


@pytest.fixture
def new_postgres() -> Iterator[NewPostgres]:
    """PostgreSQL servers of one test's own."""
    with ExitStack() as ending:

        def start() -> Postgres:
            folder = ending.enter_context(temporary_folder())
            return ending.enter_context(start_postgres(folder / "postgres", durable=False))

        yield start


@pytest.fixture
def new_valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[NewValkey]:
    """Valkey servers of one test's own; that they are away is noticed as soon as it would be elsewhere."""
    monkeypatch.setattr(REDIS_TIMEOUT, PROMPT_SECONDS)
    with ExitStack() as ending:

        def start() -> Valkey:
            folder = ending.enter_context(temporary_folder())
            return ending.enter_context(start_valkey(folder, *free_ports(1)))

        yield start


@pytest.fixture(scope="session")
def mail_catcher() -> Iterator[MailCatcher]:
    """The run's mail catcher."""
    with MailCatcher(*free_ports(2)) as catcher:
        yield catcher


@pytest.fixture
def mailbox(mail_catcher: MailCatcher) -> Mailbox:
    """The mail catcher's mailbox, empty at first."""
    mail_catcher.mailbox.remove(())
    return mail_catcher.mailbox


@pytest.fixture
def smtp_url(mail_catcher: MailCatcher, mailbox: Mailbox) -> str:
    """Where the mail catcher takes mail, its mailbox empty at first."""
    return mail_catcher.smtp_url
