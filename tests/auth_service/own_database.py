"""A database of the test's own, for what other tests would disturb. A conftest imports what its tests need."""

import asyncpg
import pytest

from shared.database import Database

__all__ = ["sessions", "sql", "url"]


@pytest.fixture
async def url(migrated_database):
    """The service's database, as Alembic makes it."""
    return await migrated_database("auth")


@pytest.fixture
async def sessions(url):
    """Sessions on it."""
    async with Database.open(url, "tests") as database:
        yield database.sessions


@pytest.fixture
async def sql(url):
    """A plain connection, to see what is stored and to let time pass for it."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()
