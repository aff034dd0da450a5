"""A service and its worker on a database of the test's own: steps of the worker in this process, or whole processes."""

import pytest

from auth_service.derivation import Purpose, derived_keys
from auth_service.letters import LetterWriter
from auth_service.mail import Texts
from auth_service.one_time import OneTimeService, OneTimeTokens, Use
from auth_service.outbox import MAIL, Outbox, ask_for_mail
from devstack.ports import free_ports
from shared.database import transaction
from shared.ids import uuid7
from shared.mail.postman import Postman
from shared.mail.smtp import Mailer, Sender, SmtpServer
from tests.auth_service.own_database import sessions, sql, url
from tests.auth_service.running import AUTH_SECRET, PUBLIC_URL, settings_for
from tests.post_office import PostOffice
from tests.worker_process import WorkerProcess

__all__ = ["sessions", "sql", "url"]

SENDER = "Todo <todo@example.com>"
APP_URL = "http://localhost:3000"


@pytest.fixture
async def service(new_service, url):
    """The service on it."""
    return await new_service(url)


@pytest.fixture
def tokens(url):
    """The one-time tokens that worker and service derive."""
    return OneTimeTokens(derived_keys(settings_for(url), Purpose.ONE_TIME))


@pytest.fixture
def one_time(sessions, tokens):
    """`await one_time("consume", token, use)`: call the rules of one-time tokens, in a transaction of its own."""

    async def one_time(call, *arguments, **named):
        async with transaction(sessions) as session:
            return await getattr(OneTimeService(session, tokens), call)(*arguments, **named)

    return one_time


@pytest.fixture
def post_office():
    """An SMTP server, open."""
    with PostOffice(*free_ports(1)) as office:
        yield office


@pytest.fixture
def asks(sessions, sql):
    """`await asks(Mail.RESET_PASSWORD, email=…)`: commit the event of a mail, and return its entry."""

    async def asks(mail, user_id=None, **payload):
        async with transaction(sessions) as session:
            await ask_for_mail(session, mail, payload, user_id=user_id)
        row = await sql.fetchrow("SELECT event_id, user_id, type FROM outbox ORDER BY event_id DESC LIMIT 1")
        return {name: str(value) for name, value in row.items()}

    return asks


@pytest.fixture
def postman(sessions, tokens, post_office):
    """The worker's way from an entry to a letter, at the post office."""
    mailer = Mailer(SmtpServer.parse(post_office.url), Sender.parse(SENDER))
    return Postman(sessions, Outbox, mailer, LetterWriter(Texts(APP_URL), tokens).write)


@pytest.fixture
def ended(sql):
    """`await ended()`: how the newest mail ended, and why."""

    async def ended():
        newest = "SELECT state, last_error FROM outbox WHERE stream = $1 ORDER BY event_id DESC LIMIT 1"
        return tuple(await sql.fetchrow(newest, MAIL))

    return ended


@pytest.fixture
def registers(sql, tokens):
    """`await registers("ada@example.com")`: store a registration that waits for its link, and return its id."""

    async def registers(email):
        registration_id = uuid7()
        digest = tokens.digest(tokens.text(Use.SIGN_UP, registration_id))
        await sql.execute(
            "INSERT INTO pending_registrations"
            " (id, token_hash, email, email_norm, password_hash, created_at, expires_at)"
            " VALUES ($1, $2, $3, $3, '', now(), now() + interval '1 day')",
            *(registration_id, digest, email),
        )
        return str(registration_id)

    return registers


@pytest.fixture
def new_worker(url, redis_url, post_office, tmp_path):
    """`new_worker(REDIS_URL=…)`: start a worker process; all end with the test."""
    workers = []

    def new_worker(**environment):
        usual = {
            "ENVIRONMENT": "development",
            "PUBLIC_URL": PUBLIC_URL,
            "APP_URL": APP_URL,
            "AUTH_SECRET": AUTH_SECRET,
            "DATABASE_URL": url,
            "REDIS_URL": redis_url,
            "SMTP_URL": post_office.url,
            "MAIL_FROM": SENDER,
            "ADMIN_PORT": str(*free_ports(1)),
        }
        log = tmp_path / f"worker-{len(workers)}.log"
        workers.append(WorkerProcess("auth_service.worker", log, **usual | environment))
        return workers[-1]

    yield new_worker
    for worker in workers:
        worker.kill()
