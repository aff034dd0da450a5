"""Redis or PostgreSQL gone, frozen or restarted: time is lost, and nothing else."""

import asyncio
import time
from collections.abc import Awaitable

import httpx
import pytest

from shared.problems import DatabaseUnavailable, OutcomeUnknown
from tests.servers import NewPostgres, NewValkey, migrate
from tests.todo_service.harness import Caller, assert_problem, running
from tests.todo_service.wire import INSERTED, wire_to
from tests.waiting import until

REDIS_WAIT_SECONDS = 2.0
"""Twenty times what a call waits: machines are busy."""
RECOVERY_SECONDS = 5.0

pytestmark = pytest.mark.kills


async def in_time(request: Awaitable[httpx.Response]) -> httpx.Response:
    """Return the answer to `request`, which must be a good one and does not wait long for Redis."""
    started = time.monotonic()
    response = await request
    took = time.monotonic() - started
    assert response.is_success, response.text
    assert took < REDIS_WAIT_SECONDS, f"{response.request.method} took {took:.2f} s"
    return response


async def use(caller: Caller) -> None:
    """Create, list, read, change and delete a todo. Every list shows what was done before it."""
    todo = (await in_time(caller.post("/todos", json={"title": "x"}))).json()
    path = f"/todos/{todo['id']}"
    for _ in range(2):
        assert todo in (await in_time(caller.get("/todos"))).json()
    changed = (await in_time(caller.patch(path, json={"completed": True}))).json()
    assert (await in_time(caller.get(path))).json() == changed
    assert changed in (await in_time(caller.get("/todos"))).json()
    await in_time(caller.delete(path))
    assert changed not in (await in_time(caller.get("/todos"))).json()


@pytest.fixture
async def broken_redis(new_valkey: NewValkey, todo_database_url: str):
    """Ada on a service whose Valkey may be broken, and that Valkey."""
    server = new_valkey()
    async with running(todo_database_url, server.url) as app, Caller(app, "ada-without-redis") as caller:
        await use(caller)
        yield caller, server, app.state.redis


class TestWithoutRedis:
    @pytest.mark.parametrize("outage", ["stop", "kill", "pause"])
    async def test_everything_works(self, broken_redis, outage):
        """Stopped, killed or frozen: every answer is good, fresh, and hardly late; afterwards the cache is back."""
        caller, server, redis = broken_redis
        await in_time(caller.get("/todos"))

        await asyncio.to_thread(getattr(server, outage))
        for _ in range(4):
            await use(caller)
        await asyncio.to_thread(server.resume if outage == "pause" else server.start)

        await until(lambda: redis.is_up, RECOVERY_SECONDS)
        await use(caller)

    async def test_a_restart_in_the_middle_goes_unnoticed(self, broken_redis):
        """While Valkey restarts, all requests are answered."""
        caller, server, _ = broken_redis

        async def keep_using() -> None:
            while not restarted.done():
                await use(caller)

        restarted = asyncio.ensure_future(asyncio.to_thread(lambda: (server.kill(), server.start())))
        await asyncio.gather(keep_using(), restarted)
        await use(caller)

    async def test_one_that_was_never_there_is_not_needed(self, todo_database_url):
        """The service starts and works without it."""
        async with running(todo_database_url, "redis://127.0.0.1:1/0") as app, Caller(app, "ada-alone") as caller:
            await use(caller)


class TestWithoutPostgres:
    @pytest.fixture
    async def server_and_app(self, new_postgres: NewPostgres, redis_url):
        """A PostgreSQL that may be broken, and a service on it."""
        server = new_postgres()
        await migrate("todo-service", server.url_for("todo"))
        async with running(server.url_for("todo"), redis_url) as app:
            yield server, app

    @pytest.mark.parametrize("outage", ["stop", "kill"])
    async def test_answers_are_503_until_it_is_back(self, server_and_app, outage):
        """Each says when to try again; the first success comes by itself, and nothing acknowledged is lost."""
        server, app = server_and_app
        async with Caller(app, "ada") as caller:
            todo = await caller.new()
            await asyncio.to_thread(getattr(server, outage))

            for method, path, body in (
                ("GET", "/todos?limit=3", None),
                ("GET", f"/todos/{todo['id']}", None),
                ("POST", "/todos", {"title": "y"}),
                ("PATCH", f"/todos/{todo['id']}", {"title": "y"}),
                ("DELETE", f"/todos/{todo['id']}", None),
            ):
                response = await caller.request(method, path, json=body)
                assert_problem(response, DatabaseUnavailable)
                assert response.headers["Retry-After"] == "1"
            assert (await caller.get("/readyz")).status_code == 503
            assert (await caller.get("/livez")).status_code == 200
            await asyncio.to_thread(server.start)

            async def works() -> bool:
                return (await caller.get("/todos?limit=4")).is_success

            await until(works, RECOVERY_SECONDS)
            assert (await caller.get(f"/todos/{todo['id']}")).json() == todo
            assert await caller.titles() == ["Buy milk"]

    @pytest.mark.needs_redis("a hit")
    async def test_a_cached_list_outlives_it(self, server_and_app):
        """A hit asks no database, so it is answered."""
        server, app = server_and_app
        async with Caller(app, "ada") as caller:
            await caller.new()
            before = await caller.titles()
            await asyncio.to_thread(server.stop)

            assert await caller.titles() == before == ["Buy milk"]

    async def test_the_service_starts_before_it(self, redis_url):
        """The process is up and says that it is not ready."""
        async with (
            running("postgresql://todo@127.0.0.1:1/todo", redis_url) as app,
            Caller(app, "ada") as caller,
        ):
            assert (await caller.get("/health")).status_code == 200
            assert (await caller.get("/readyz")).status_code == 503
            assert_problem(await caller.get("/todos"), DatabaseUnavailable)


class TestASilentPostgres:
    async def test_leaves_a_create_unknown(self, migrated_database, redis_url):
        """It has stored the todo and does not say so: the answer must not claim that nothing was changed."""
        url = await migrated_database("todo")
        async with wire_to(url) as (wire, wired_url), running(wired_url, redis_url) as app, Caller(app, "ada") as ada:
            wire.stop_at(answers=(INSERTED,))
            assert_problem(await ada.post("/todos", json={"title": "x"}), OutcomeUnknown)

        async with running(url, redis_url) as replica, Caller(replica, "ada") as ada:
            assert await ada.titles() == ["x"]
