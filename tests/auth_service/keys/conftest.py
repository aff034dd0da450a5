"""A service on a database of the test's own, and its signing keys."""

import asyncpg
import pytest

from shared.database import Database
from tests.auth_service.keys.stored import StoredKeys, seal_of


@pytest.fixture
async def url(migrated_database):
    """The service's database, as Alembic makes it."""
    return await migrated_database("auth")


@pytest.fixture
async def service(new_service, url):
    """The service on it, which has made the first key."""
    return await new_service(url)


@pytest.fixture
async def sessions(url):
    """Sessions on the database."""
    async with Database.open(url, "tests") as database:
        yield database.sessions


@pytest.fixture
async def sql(url):
    """A plain connection, to see what is stored and to let time pass for it."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


@pytest.fixture
def stored(sessions, sql, url):
    """The keys in the database."""
    return StoredKeys(sessions, sql, seal_of(url))
