"""The worker as a process: from a committed event to one mail, through every kind of crash."""

import asyncio
import signal
import subprocess
import sys

import httpx
import pytest
from redis.asyncio import Redis

from shared.logging import request_context
from tests.servers import migrate
from tests.waiting import until


class TestTheWorker:
    @pytest.mark.needs_redis("events reach a worker by a stream")
    async def test_mails_what_happened(self, new_worker, creates, post_office, state):
        """A mail arrives within a second or so, its log line carries the request's id and nobody's address."""
        worker = new_worker()
        await until(lambda: worker.lines("worker_started"), seconds=30)
        request_context("request-of-ada", None)
        await creates("Buy milk")

        await until(state_is(state, "done"), seconds=5)

        [line] = worker.lines("notification")
        assert (line["request_id"], line["outcome"], line["service"]) == ("request-of-ada", "done", "todo-worker")
        assert post_office.subjects() == ["Todo created: Buy milk"]
        assert "ada@example.com" not in worker.output()
        assert "Buy milk" not in worker.output()

    async def test_is_ready_while_its_loops_run(self, new_worker):
        """The admin port answers for the worker."""
        worker = new_worker()
        await until(lambda: worker.lines("worker_started"), seconds=30)

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{worker.admin_port}") as admin:
            assert (await admin.get("/livez")).status_code == 200
            assert (await admin.get("/readyz")).json() == {"status": "ready"}

    @pytest.mark.needs_redis("events reach a worker by a stream")
    async def test_ends_cleanly_in_time(self, new_worker, creates, post_office, sql):
        """On SIGTERM the mail in hand is finished, no other is begun, and the process ends within four seconds."""
        post_office.stalls = True
        worker = new_worker()
        await creates()
        await until(post_office.reached.is_set, seconds=30)

        stopping = asyncio.create_task(worker.stop())
        await asyncio.to_thread(stop_is_heard, worker)
        await creates("Too late")
        post_office.stalls = False
        status, seconds = await stopping

        assert status == 0
        assert seconds < 4
        states = await sql.fetch("SELECT payload ->> 'title', state FROM outbox")
        assert dict(map(tuple, states)) == {"Buy milk": "done", "Too late": "waiting"}
        assert worker.lines("worker_stopped")

    @pytest.mark.needs_redis("events reach a worker by a stream")
    async def test_says_that_it_ends(self, new_worker, creates, post_office):
        """On SIGTERM it is not ready any more, also while a mail is in hand; a second SIGTERM waits for nothing."""
        post_office.stalls = True
        worker = new_worker()
        await creates()
        await until(post_office.reached.is_set, seconds=30)
        worker.process.send_signal(signal.SIGTERM)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{worker.admin_port}") as admin:

            async def is_draining():
                return (await admin.get("/readyz")).json() == {"status": "unready", "reason": "draining"}

            await until(is_draining)

        status, _ = await worker.stop()

        assert status == -signal.SIGTERM
        post_office.stalls = False

    async def test_wrong_settings(self):
        """It refuses to start, and names every variable that is wrong."""
        environment = {
            "DATABASE_URL": "postgresql://todo@localhost/todo",
            "PUBLIC_URL": "https://todo.example",
            "SMTP_URL": "mail:25",
            "MAIL_FROM": "nobody",
        }

        command = [sys.executable, "-m", "todo_service.worker"]
        ended = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True)

        assert ended.returncode == 2
        assert [line.split(":")[0].strip() for line in ended.stderr.splitlines()[1:]] == [
            "MAIL_FROM",
            "REDIS_URL",
            "SMTP_URL",
        ]


@pytest.mark.needs_redis("events reach a worker by a stream")
class TestCrashes:
    """One mail a todo, whenever a worker dies."""

    async def test_after_the_commit(self, new_worker, creates, post_office, state):
        """Nobody was there when the todo was created: the mail goes out when a worker starts."""
        await creates()

        new_worker()

        await until(state_is(state, "done"))
        assert len(post_office.letters) == 1

    async def test_after_the_announcement(self, new_worker, creates, relay, post_office, state):
        """The event was announced, and nobody read it: the entry is in the stream still."""
        await creates()
        await relay.relay_due()

        new_worker()

        await until(state_is(state, "done"))
        assert len(post_office.letters) == 1

    async def test_after_the_announcement_was_lost(
        self, new_worker, creates, relay, redis_url, post_office, state, let_it_be_due
    ):
        """The event was announced, and Redis lost all it had: it is announced again when the row is due."""
        await creates()
        await relay.relay_due()
        async with Redis.from_url(redis_url) as redis:
            await redis.flushall()
        new_worker()
        await let_it_be_due()

        await until(state_is(state, "done"))
        assert len(post_office.letters) == 1

    async def test_before_the_mail_was_handed_over(self, new_worker, creates, post_office, state, let_it_be_due):
        """A worker that is killed while it sends has not sent: its claim runs out, and another one sends."""
        post_office.stalls = True
        dying = new_worker()
        event_id = await creates()
        await until(post_office.reached.is_set)
        assert (await state())[:2] == ("working", 1)
        dying.kill()
        post_office.stalls = False
        await let_it_be_due()

        new_worker()

        await until(state_is(state, "done"))
        assert [mail["Message-ID"] for mail in post_office.letters] == [f"<{event_id}@example.com>"]
        assert (await state())[1] == 2


class TestOutages:
    async def test_redis_stopped(self, new_worker, new_valkey, creates, post_office, state):
        """While Redis is away events wait; the mail arrives when it is back, by itself."""
        valkey = new_valkey()
        worker = new_worker(REDIS_URL=valkey.url)
        await until(lambda: worker.lines("worker_started"), seconds=30)
        valkey.stop()
        await creates()
        await until(lambda: worker.lines("redis_down"))
        assert (await state())[0] == "waiting"

        valkey.start()

        await until(state_is(state, "done"))
        assert len(post_office.letters) == 1

    async def test_postgres_away_at_the_start(self, new_worker, new_postgres):
        """The process stays up, says in a line what it waits for, and is ready as soon as it has it."""
        server = new_postgres()
        server.stop()
        worker = new_worker(DATABASE_URL=server.url_for("todo"))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{worker.admin_port}") as admin:
            await until(lambda: worker.lines("loop_waits"))
            assert "Traceback" not in worker.output()
            assert (await admin.get("/readyz")).status_code == 503
            assert (await admin.get("/livez")).status_code == 200
            server.start()
            await migrate("todo-service", server.url_for("todo"))

            async def is_ready():
                return (await admin.get("/readyz")).status_code == 200

            await until(is_ready)


@pytest.mark.needs_redis("events reach a worker by a stream")
class TestTwoWorkers:
    async def test_send_each_mail_once(self, new_worker, creates, post_office, sql):
        """Two workers share thirty mails, ten at once each at most, and send none twice."""
        workers = [new_worker(), new_worker()]
        for worker in workers:
            await until(lambda worker=worker: worker.lines("worker_started"))

        titles = [f"Todo created: {number}" for number in range(30)]
        for number in range(30):
            await creates(str(number))

        await until(lambda: sql.fetchval("SELECT count(*) = 30 FROM outbox WHERE state = 'done'"))
        assert sorted(post_office.subjects()) == sorted(titles)
        assert post_office.most_at_once <= 20


def state_is(state, wanted):
    """Return a condition: the one event is in this state."""

    async def holds():
        return (await state())[0] == wanted

    return holds


def stop_is_heard(worker):
    """Return when the worker has taken note of SIGTERM; it must not have ended of it."""
    with pytest.raises(subprocess.TimeoutExpired):
        worker.process.wait(0.3)
