"""A connection that the server has just ended, at every moment before its client has understood that."""

import asyncio

import pytest
from sqlalchemy import select, text

from shared.database import Database, transaction
from shared.problems import DatabaseUnavailable
from tests.servers import NewDatabase, Postgres

END_ALL = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = 'tests'"
ONE = select(text("1 AS one"))


@pytest.fixture
async def database(new_database: NewDatabase):
    """A database, reached once already."""
    async with Database.open(await new_database("todo"), "tests") as database:
        await database.read(ONE, {})
        yield database


async def read(database: Database) -> None:
    """Read as a short request does."""
    await database.read(ONE, {})


async def transact(database: Database) -> None:
    """Read in a transaction."""
    async with transaction(database.sessions) as session:
        await session.run(ONE)


@pytest.mark.parametrize("use", [read, transact])
@pytest.mark.parametrize("turns", range(4))
async def test_is_away_or_replaced(postgres: Postgres, database: Database, use, turns):
    """Its farewell may be read before its end is: who asks in between hears 503, and the next one is answered."""
    # Blocking, so that all that the server said waits together.
    postgres.ask("todo", END_ALL)
    for _ in range(turns):
        await asyncio.sleep(0)

    try:
        await use(database)
    except DatabaseUnavailable:
        await asyncio.sleep(0)
    await use(database)
