"""A migrated database, a Redis, a post office, and workers: steps of one in this process, or whole processes."""

from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from devstack.ports import free_ports
from shared.database import Database, transaction
from shared.mail.smtp import Mailer, Sender, SmtpServer
from shared.outbox import Relay
from shared.redis import RedisClient
from shared.tokens import Principal
from tests.post_office import PostOffice
from tests.worker_process import WorkerProcess
from todo_service.notifications import todos_created
from todo_service.notifications.models import Outbox
from todo_service.notifications.service import Notifier

SENDER = "Todo <todo@example.com>"


@pytest.fixture
async def url(migrated_database):
    """The service's database, as Alembic makes it."""
    return await migrated_database("todo")


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


@pytest.fixture
def post_office():
    """An SMTP server, open."""
    with PostOffice(*free_ports(1)) as office:
        yield office


@pytest.fixture
def creates(sessions):
    """`await creates("Buy milk")`: commit the event of Ada's new todo, or todos, and return its id."""

    async def creates(*titles, user_id="ada", email="ada@example.com"):
        named = {uuid4(): title for title in titles or ["Buy milk"]}
        statement = todos_created(Principal(user_id, None, email), named, datetime.now(UTC)).insert()
        async with transaction(sessions) as session:
            await session.exec(statement)
        return statement.compile().params["event_id"]

    return creates


@pytest.fixture
def state(sql):
    """`await state()`: the state of the one event, with its attempts and its last error."""

    async def state():
        return tuple(await sql.fetchrow("SELECT state, attempts, last_error FROM outbox"))

    return state


@pytest.fixture
def let_it_be_due(sql):
    """`await let_it_be_due()`: let so much time pass that every open event is due."""

    async def let_it_be_due():
        await sql.execute("UPDATE outbox SET next_at = now() - interval '1 second'")

    return let_it_be_due


@pytest.fixture
async def relay(sessions, redis_url):
    """The worker's relay, taken step by step."""
    async with RedisClient.open(redis_url) as redis:
        yield Relay(sessions, redis, Outbox)


@pytest.fixture
def notifier(sessions, post_office):
    """The worker's notifier, without a limit, at the post office."""
    return Notifier(sessions, Mailer(SmtpServer.parse(post_office.url), Sender.parse(SENDER)), max_per_hour=0)


@pytest.fixture
def new_worker(url, redis_url, post_office, tmp_path):
    """`new_worker(REDIS_URL=…)`: start a worker process; all end with the test."""
    workers = []

    def new_worker(**environment):
        usual = {
            "ENVIRONMENT": "development",
            "PUBLIC_URL": "http://localhost:8080",
            "DATABASE_URL": url,
            "REDIS_URL": redis_url,
            "SMTP_URL": post_office.url,
            "MAIL_FROM": SENDER,
            "ADMIN_PORT": str(*free_ports(1)),
            "NOTIFY_MAX_PER_HOUR": "0",
        }
        log = tmp_path / f"worker-{len(workers)}.log"
        workers.append(WorkerProcess("todo_service.worker", log, **usual | environment))
        return workers[-1]

    yield new_worker
    for worker in workers:
        worker.kill()
