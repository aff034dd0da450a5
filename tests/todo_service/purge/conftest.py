"""Accounts that have something in every table of a database of the test's own, and what purges them."""

import pytest
from redis.asyncio import Redis

from shared.database import WORKER, Database
from tests.todo_service.workers import run_command
from todo_service.changes.purge import AccountPurge, DeletedAccounts, owned_tables
from todo_service.notifications.models import Outbox
from todo_service.todos.models import Todo

assert Todo.metadata is Outbox.metadata

FILL = (
    "INSERT INTO user_streams (user_id, epoch, seq, live_count) VALUES ($1, gen_random_uuid(), $2::int, $2::int)",
    """INSERT INTO todos (user_id, id, title, created_at, updated_at, search_text, title_key, seq)
       SELECT $1, gen_random_uuid(), 'milk', now(), now(), 'milk', 'milk', n FROM generate_series(1, $2::int) n""",
    """INSERT INTO tombstones (user_id, kind, id, seq, deleted_at)
       SELECT $1, 1, gen_random_uuid(), -n, now() FROM generate_series(1, $2::int) n""",
    """INSERT INTO outbox (user_id, event_id, stream, type, payload, created_at, next_at)
       SELECT $1, gen_random_uuid(), 'todo:events', 'todo.created', '{}', now(), now() + interval '1 day'
       FROM generate_series(1, $2::int)""",
    """INSERT INTO idempotency_keys (user_id, key, body_sha, status, headers, body, created_at)
       SELECT $1, 'k' || n, '', 201, '{}', '', now() FROM generate_series(1, $2::int) n""",
    """INSERT INTO event_tickets (user_id, digest, expires_at, claims)
       SELECT $1, sha256(n::text::bytea), now() + interval '1 hour', '{}' FROM generate_series(1, $2::int) n""",
)
OWNED = """SELECT table_name FROM information_schema.columns
           WHERE table_schema = 'public' AND column_name = 'user_id' AND table_name <> 'user_streams'"""


@pytest.fixture
async def sessions(url):
    """Sessions as the worker has them."""
    async with Database.open(url, "tests", WORKER) as database:
        yield database.sessions


@pytest.fixture
async def redis(redis_url):
    """The run's Redis, empty."""
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def account(sql):
    """`await account("ada", rows=3)`: somebody with so many rows in every table."""

    async def fill(user_id, rows=3):
        for statement in FILL:
            await sql.execute(statement, user_id, rows)

    return fill


@pytest.fixture
def rows_of(sql):
    """`await rows_of("ada")`: how many rows of theirs each table has that has rows of users at all."""

    async def count(user_id):
        tables = [row["table_name"] for row in await sql.fetch(OWNED)]
        counts = [await sql.fetchval(f"SELECT count(*) FROM {table} WHERE user_id = $1", user_id) for table in tables]
        return dict(zip(tables, counts, strict=True))

    return count


@pytest.fixture
def told():
    """Who was told of the end of a write, and the number of the change."""
    return []


@pytest.fixture
def purge(sessions, told):
    """The worker's purge."""

    async def announce(user_id, seq):
        told.append((user_id, seq))

    return AccountPurge(sessions, owned_tables(), announce)


@pytest.fixture
def deleted(sessions, purge):
    """The worker's reader of `auth:events`."""
    return DeletedAccounts(sessions, purge)


@pytest.fixture
def run(worker_environment):
    """`await run("dead", "list")`: run a command of the worker; returns its status, and what it said."""

    async def run(*words):
        return await run_command(words, worker_environment | {"LOG_LEVEL": "error"})

    return run
