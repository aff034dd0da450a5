"""What the auth-service has ended opens nothing here, at no cost to the requests that go on."""

from uuid import uuid4

import pytest
from redis.asyncio import Redis

from shared.tokens import InvalidToken, RevocationsStale
from tests.todo_service.ended import bearer, end, new_session
from tests.todo_service.harness import assert_problem, running
from tests.waiting import until
from todo_service.todos.errors import TodoNotFound


@pytest.fixture
def session():
    """Somebody's session."""
    return new_session()


async def status(client, headers):
    """The status of a read with these headers."""
    return (await client.get("/todos", headers=headers)).status_code


@pytest.mark.needs_redis("sessions end by an entry in a stream")
class TestAnEndedSession:
    async def test_is_refused_soon(self, ada, valkey, session):
        """A token that was accepted a moment ago is refused, for reads and writes; another session goes on."""
        ended, other = bearer(session), bearer(session, sid="another")
        assert await status(ada, ended) == 200

        await end(valkey.url, kind="sid", id=session["sid"])
        await until(lambda: _refused(ada, ended), seconds=3)

        assert_problem(await ada.post("/todos", json={"title": "Late"}, headers=ended), InvalidToken)
        assert await status(ada, other) == 200

    async def test_of_a_user_spares_a_new_login(self, ada, valkey, session):
        """All tokens of a lower version end; the one that was issued in the same second with the new one works."""
        old, new = bearer(session), bearer(session, ver=2, sid="new")
        assert await status(ada, old) == 200

        await end(valkey.url, kind="user", id=session["sub"], ver=2)
        await until(lambda: _refused(ada, old), seconds=3)

        assert await status(ada, new) == 200

    async def test_is_refused_after_a_restart(self, client_for, valkey, todo_database_url, session):
        """A process that starts later knows of it before it answers."""
        await end(valkey.url, kind="sid", id=session["sid"])

        async with running(todo_database_url, valkey.url) as started:
            assert await status(client_for("ada", on=started), bearer(session)) == 401


async def _refused(client, headers):
    return await status(client, headers) == 401


@pytest.mark.needs_redis("counts its commands")
class TestARequest:
    async def test_asks_nobody_whether_its_session_goes_on(self, app, ada, valkey, session):
        """A read of one todo is one statement, its own, and no command to Redis, also where much has ended."""
        for number in range(50):
            await end(valkey.url, kind="sid", id=f"of somebody else {number}")
        headers = bearer(session)
        async with Redis.from_url(valkey.url) as redis:
            assert_problem(await ada.get(f"/todos/{uuid4()}", headers=headers), TodoNotFound)
            before, mark = await commands(redis), len(app.state.watch.statements)
            for _ in range(20):
                assert_problem(await ada.get(f"/todos/{uuid4()}", headers=headers), TodoNotFound)

            assert len(await app.state.watch.since(mark)) == 20
            assert await commands(redis) == before


async def commands(redis):
    """How often each command was called, but for those of the readers in the background and of this question."""
    background = {"cmdstat_xread", "cmdstat_info", "cmdstat_ping", "cmdstat_subscribe", "cmdstat_unsubscribe"}
    stats = await redis.info("commandstats")
    return {name: said["calls"] for name, said in stats.items() if name not in background}


class TestWithoutRedis:
    @pytest.fixture
    async def unheard(self, todo_database_url):
        """Start a service that hears of nothing."""

        def start(**changes):
            return running(todo_database_url, "redis://127.0.0.1:1/0", **changes)

        return start

    @pytest.mark.parametrize("mode", ["open", "closed"])
    async def test_is_ready_and_says_that_it_is_stale(self, unheard, client_for, mode):
        """It goes on to get work, and hides nothing."""
        async with unheard(revocation_fail_mode=mode) as service:
            ada = client_for("ada", on=service)
            answer = await ada.get("/readyz")

        assert (answer.status_code, answer.json()) == (200, {"status": "ready", "revocations": "stale"})

    async def test_writes_go_on(self, unheard, client_for, session):
        """Unless it is told otherwise."""
        async with unheard() as service:
            ada = client_for("ada", on=service)
            answer = await ada.post("/todos", json={"title": "Anyway"}, headers=bearer(session))

        assert answer.status_code == 201

    async def test_writes_are_refused_if_it_is_told_so(self, unheard, client_for, session):
        """Reads go on, and so do writes with tokens that nobody could end."""
        async with unheard(revocation_fail_mode="closed") as service:
            ada = client_for("ada", on=service)
            refused = await ada.post("/todos", json={"title": "No"}, headers=bearer(session))
            read = await ada.get("/todos", headers=bearer(session))
            foreign = await ada.post("/todos", json={"title": "Theirs"})

        assert_problem(refused, RevocationsStale)
        assert refused.headers["Retry-After"] == "1"
        assert (read.status_code, read.json()) == (200, [])
        assert foreign.status_code == 201
