"""The worker as a process: mails go out, and other services hear what has ended."""

import asyncio
import json
import subprocess
import sys
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis

from auth_service.outbox import Mail, tell_key_ended, tell_session_ended, tell_tokens_ended, tell_user_deleted
from shared.database import transaction
from tests.waiting import until

REVOCATIONS = "auth:revocations"
START_SECONDS = 20


@pytest.fixture
async def ada(service):
    """Somebody with an account."""
    return await service.register()


@pytest.fixture
def tells(sessions):
    """`await tells(tell_key_ended, "kid")`: commit what other services are to hear."""

    async def tells(tell, *arguments):
        async with transaction(sessions) as session:
            await tell(session, *arguments)

    return tells


@pytest.fixture
async def redis(redis_url):
    """A plain client for the worker's Redis."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def heard(redis):
    """`await heard(REVOCATIONS)`: what stands in a stream, oldest first."""

    async def heard(stream):
        return [fields for _, fields in await redis.xrange(stream)]

    return heard


class TestTheWorker:
    async def test_mails_what_was_asked_for(self, new_worker, ada, asks, post_office, ended):
        """The mail arrives, and no line of the log holds its address or its link."""
        worker = new_worker()
        await asks(Mail.RESET_PASSWORD, email=ada.email)

        await until(lambda: ended_is(ended, "done"), START_SECONDS)

        assert post_office.subjects() == ["Reset your password"]
        assert ada.email not in worker.output()
        assert "ot1." not in worker.output()

    async def test_mails_and_streams_hold_no_address(self, new_worker, ada, asks, redis, ended):
        """The entry of a mail names its row and nothing else."""
        new_worker()
        await asks(Mail.RESET_PASSWORD, email=ada.email)
        await until(lambda: ended_is(ended, "done"), START_SECONDS)

        [(_, fields)] = await redis.xrange("auth:mail")
        assert set(fields) == {"event_id", "user_id", "type"}

    async def test_says_what_has_ended(self, new_worker, tells, heard, sql):
        """Sessions, versions of users and keys: until no token can live that they hit."""
        new_worker()
        session_id, user_id = uuid4(), uuid4()
        await tells(tell_session_ended, session_id, user_id)
        await tells(tell_tokens_ended, user_id, 3)
        await tells(tell_key_ended, "kid-1")

        async def all_are_told():
            return len(await heard(REVOCATIONS)) == 3

        await until(all_are_told, START_SECONDS)
        told = [json.loads(fields["payload"]) for fields in await heard(REVOCATIONS)]
        now = await sql.fetchval("SELECT extract(epoch FROM now())::int")
        assert all(900 < entry.pop("exp") - now <= 961 for entry in told)
        by_kind = {entry["kind"]: entry for entry in told}
        assert by_kind == {
            "sid": {"kind": "sid", "id": str(session_id)},
            "user": {"kind": "user", "id": str(user_id), "ver": 3},
            "kid": {"kind": "kid", "id": "kid-1"},
        }

    async def test_says_who_is_gone(self, new_worker, tells, heard):
        """The todo-service hears of a deleted account by type and user."""
        new_worker()
        user_id = uuid4()
        await tells(tell_user_deleted, user_id)

        async def is_told():
            return [(fields["type"], fields["user_id"]) for fields in await heard("auth:events")] == [
                ("user.deleted", str(user_id))
            ]

        await until(is_told, START_SECONDS)

    async def test_tells_a_redis_that_forgot(self, new_worker, tells, heard, redis):
        """What was ended stays ended: after FLUSHALL it is told again within a moment."""
        new_worker()
        await tells(tell_key_ended, "kid-1")

        async def is_told():
            return len(await heard(REVOCATIONS)) == 1

        await until(is_told, START_SECONDS)
        await redis.flushall()

        await until(is_told)

    async def test_killed_and_started_again(self, new_worker, tells, heard):
        """Events that nobody was there to tell are told by the next worker."""
        worker = new_worker()
        await until(lambda: worker.lines("worker_started"), START_SECONDS)
        worker.kill()
        await tells(tell_key_ended, "kid-1")

        new_worker()

        async def is_told():
            return len(await heard(REVOCATIONS)) == 1

        await until(is_told, START_SECONDS)

    async def test_is_ready_and_ends_cleanly(self, new_worker):
        """The admin port answers; on SIGTERM it ends within four seconds."""
        worker = new_worker()
        await until(lambda: worker.lines("worker_started"), START_SECONDS)

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{worker.admin_port}") as admin:
            assert (await admin.get("/readyz")).json() == {"status": "ready"}
        status, seconds = await worker.stop()

        assert (status, bool(worker.lines("worker_stopped"))) == (0, True)
        assert seconds < 4

    async def test_wrong_settings(self):
        """It refuses to start, and names every variable that is wrong."""
        environment = {"PUBLIC_URL": "https://todo.example", "APP_URL": "https://todo.example/", "AUTH_SECRET": "short"}

        ended = await run(environment)

        assert ended.returncode == 2
        assert [line.split(":")[0].strip() for line in ended.stderr.splitlines()[1:]] == [
            *("APP_URL", "AUTH_SECRET", "DATABASE_URL", "MAIL_FROM", "REDIS_URL", "SMTP_URL")
        ]


class TestCommands:
    async def test_dead_mails(self, url, ada, asks, postman, post_office, ended):
        """What was given up can be seen, without an address, and be tried again."""
        environment = {
            "PUBLIC_URL": "http://localhost:8080",
            "APP_URL": "http://localhost:3000",
            "DATABASE_URL": url,
            "ENVIRONMENT": "development",
            "AUTH_SECRET": "x" * 32,
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "SMTP_URL": post_office.url,
            "MAIL_FROM": "todo@example.com",
        }
        post_office.answers.append("550 no such user")
        entry = await asks(Mail.RESET_PASSWORD, email=ada.email)
        await postman.handle(entry)

        shown = await run(environment, "dead", "list")
        again = await run(environment, "dead", "requeue")
        await postman.handle(entry)

        assert entry["event_id"] in shown.stdout
        assert ada.email not in shown.stdout
        assert again.stdout == "requeued 1\n"
        assert await ended() == ("done", None)


async def run(environment, *words):
    """Run the worker's command, and return how it ended."""
    command = [sys.executable, "-m", "auth_service.worker", *words]
    return await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)


async def ended_is(ended, state):
    """Whether the newest mail ended so."""
    return (await ended())[0] == state
