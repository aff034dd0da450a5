"""A database of a test's own, with accounts that have something in every table, and what purges them."""

import asyncio
import os
import subprocess
import sys

import asyncpg
import pytest
from redis.asyncio import Redis

from devstack.ports import free_ports
from shared.database import WORKER, Database
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
async def url(migrated_database):
    """The service's database, as Alembic makes it."""
    return await migrated_database("todo")


@pytest.fixture
async def sessions(url):
    """Sessions as the worker has them."""
    async with Database.open(url, "tests", WORKER) as database:
        yield database.sessions


@pytest.fixture
async def sql(url):
    """A connection to see what is stored."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


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
def worker_environment(url, redis_url):
    """What a worker process needs."""
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "PUBLIC_URL": "http://localhost:8080",
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "todo@example.com",
        "ADMIN_PORT": "0",
        "LOG_LEVEL": "error",
    }


@pytest.fixture
def new_worker(worker_environment, tmp_path):
    """`new_worker()`: start a worker process, and kill it at the end."""
    workers = []

    def start(*, admin_port=0):
        environment = worker_environment | {"ADMIN_PORT": str(admin_port or free_ports(1)[0])}
        with (tmp_path / f"{len(workers)}.log").open("wb") as log:
            command = [sys.executable, "-m", "todo_service.worker"]
            workers.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
        return workers[-1]

    yield start
    for worker in workers:
        worker.kill()
        worker.wait()


@pytest.fixture
def run(worker_environment):
    """`await run("dead", "list")`: run a command of the worker; returns its status, and what it said."""

    async def run_command(*words):
        command = [sys.executable, "-m", "todo_service.worker", *words]
        ended = await asyncio.to_thread(
            subprocess.run, command, env=worker_environment, capture_output=True, text=True, timeout=30
        )
        return ended.returncode, ended.stdout + ended.stderr

    return run_command
