"""An outbox of nobody's service, on a database and a Redis of the test's own."""

from datetime import UTC, datetime

import asyncpg
import pytest
from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.database import Database, transaction
from shared.outbox import Event, OutboxColumns, Relay, record
from shared.redis import RedisClient


class Base(SQLModel, registry=registry(metadata=MetaData())):
    """The metadata of this outbox."""


class Events(OutboxColumns, Base, table=True):
    """The outbox."""

    __tablename__ = "outbox"


@pytest.fixture
def table():
    """The table's model."""
    return Events


@pytest.fixture
async def url(new_database):
    """A database with the table and nothing else."""
    url = await new_database("todo")
    async with Database.open(url, "tests") as database, database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    return url


@pytest.fixture
async def sessions(url):
    """Sessions of the service's own kind."""
    async with Database.open(url, "tests") as database:
        yield database.sessions


@pytest.fixture
async def sql(url):
    """A plain connection, to see what is stored and to let time pass for it."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


@pytest.fixture
async def redis(redis_url):
    """A guarded client for an empty Redis."""
    async with RedisClient.open(redis_url) as client:
        yield client


@pytest.fixture
def relay(sessions, redis, table):
    """A relay that a test takes step by step."""
    return Relay(sessions, redis, table)


@pytest.fixture
def happens(sessions, table):
    """`await happens("ada")`: record an event of hers, due now, and return its id."""

    async def happens(user_id="ada", **payload):
        statement = record(table, Event(user_id, "s:events", "thing.made", payload), datetime.now(UTC))
        async with transaction(sessions) as session:
            await session.exec(statement)
        return statement.compile().params["event_id"]

    return happens


@pytest.fixture
def entries(redis):
    """`await entries()`: the fields of what was announced so far, oldest first."""

    async def entries():
        return [fields for _, fields in await redis.run(lambda client: client.xrange("s:events"))]

    return entries
