"""A post office, and who writes to it: the steps of a worker in this process, or whole processes."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from devstack.ports import free_ports
from shared.database import Database, transaction
from shared.mail.smtp import Mailer, Sender, SmtpServer
from shared.outbox import Relay
from shared.redis import RedisClient
from shared.tokens import Principal
from tests.post_office import PostOffice
from todo_service.notifications import todos_created
from todo_service.notifications.models import Outbox
from todo_service.notifications.service import Notifier

SENDER = "Todo <todo@example.com>"


@pytest.fixture
async def sessions(url):
    """Sessions on the test's own database."""
    async with Database.open(url, "tests") as database:
        yield database.sessions


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
def worker_environment(worker_environment, post_office):
    """What a worker process needs to send as many mails as there are."""
    return worker_environment | {"SMTP_URL": post_office.url, "MAIL_FROM": SENDER, "NOTIFY_MAX_PER_HOUR": "0"}
