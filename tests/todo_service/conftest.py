"""Fixtures of the todo-service's tests: `await client_for("ada")` is a person with todos of their own."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from fastapi import FastAPI

from tests.servers import Databases, NewDatabase, Valkey
from tests.todo_service.harness import Caller, running
from tests.todo_service.variants import OPTION, Variant, outage_of, partition
from tests.todo_service.workers import Worker, environment_of, workers_with

ClientFor = Callable[..., Caller]
NUMBERS = count(1)


@pytest.fixture(scope="session")
async def databases(databases: Databases, request: pytest.FixtureRequest) -> Databases:
    """Databases on the run's PostgreSQL, their tables in parts where this run is about that."""
    if request.config.getoption(OPTION) == Variant.PARTITIONS:
        await partition(await databases.template("todo"))
    return databases


@pytest.fixture(scope="session")
def valkey(valkey: Valkey, request: pytest.FixtureRequest) -> Valkey:
    """The run's Valkey, which ends where this run is about that."""
    if outage := outage_of(request.config):
        outage.over(valkey)
    return valkey


@pytest.fixture
def redis_url(valkey: Valkey, request: pytest.FixtureRequest) -> str:
    """The run's Valkey, empty if it is there."""
    outage = outage_of(request.config)
    assert (outage and outage.is_here) or valkey.ask("FLUSHALL").startswith("+OK")
    return valkey.url


@pytest.fixture(scope="session")
async def todo_database_url(databases: Databases) -> AsyncIterator[str]:
    """The database that all tests of one owner's todos share: owners are apart, so tests are."""
    url = await databases.create_migrated("todo")
    yield url
    await databases.drop(url)


@pytest.fixture(scope="session")
async def app(todo_database_url: str, valkey: Valkey) -> AsyncIterator[FastAPI]:
    """The service, as uvicorn would start it."""
    async with running(todo_database_url, valkey.url) as app:
        yield app


@pytest.fixture(scope="session")
async def replica(todo_database_url: str, valkey: Valkey) -> AsyncIterator[FastAPI]:
    """A second process of the same service."""
    async with running(todo_database_url, valkey.url) as app:
        yield app


@pytest.fixture(scope="session")
async def uncached(todo_database_url: str, valkey: Valkey) -> AsyncIterator[FastAPI]:
    """A process with TODO_CACHE=off on the same database."""
    async with running(todo_database_url, valkey.url, todo_cache="off") as app:
        yield app


@pytest.fixture(scope="session")
async def table(todo_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the tests' own, past the service: to store what it has to show, and to look what it stored."""
    connection = await asyncpg.connect(todo_database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def url(migrated_database: NewDatabase) -> str:
    """A database of the test's own, as Alembic makes it."""
    return await migrated_database("todo")


@pytest.fixture
async def sql(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A plain connection to it, to see what is stored and to let time pass for it."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


@pytest.fixture
def worker_environment(url: str, redis_url: str) -> dict[str, str]:
    """What a worker process of this test needs."""
    return environment_of(url, redis_url)


@pytest.fixture
def new_worker(worker_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """`new_worker(REDIS_URL=…)`: start a worker process; all end with the test."""
    with workers_with(worker_environment, tmp_path) as start:
        yield start


@pytest.fixture(autouse=True)
def every_statement_is_sound(request: pytest.FixtureRequest):
    """No statement of this test touches two owners, and none changes todos without clearing their pages."""
    apps = [request.getfixturevalue(name) for name in ("app", "replica", "uncached") if name in request.fixturenames]
    yield
    faults = [fault for app in apps for fault in app.state.watch.faults]
    for app in apps:
        app.state.watch.faults.clear()
    assert faults == []


@pytest.fixture
async def client_for(app: FastAPI) -> AsyncIterator[ClientFor]:
    """`client_for("ada")` is Ada of this test; `client_for("ada", scope="todos:read")` mints other claims."""
    number, open_clients = next(NUMBERS), AsyncExitStack()

    def make(name: str, on: FastAPI = app, **claims: Any) -> Caller:
        caller = Caller(on, f"{name}-{number}", **claims)
        open_clients.push_async_callback(caller.aclose)
        return caller

    async with open_clients:
        yield make


@pytest.fixture
def ada(client_for: ClientFor) -> Caller:
    """Somebody."""
    return client_for("ada")


@pytest.fixture
def grace(client_for: ClientFor) -> Caller:
    """Somebody else."""
    return client_for("grace")


@pytest.fixture
async def nobody(client_for: ClientFor) -> Caller:
    """A client without a token."""
    client = client_for("nobody")
    del client.headers["Authorization"]
    return client
