"""A service or gateway that is told to end: others take over before it stops, and nobody is refused.

And one that has stood still.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.auth_service.processes import environment as auth_environment
from tests.draining.replicas import Crowd, Replica, replica
from tests.todo_service.harness import NOWHERE, SECRET, token
from tests.waiting import until

pytestmark = pytest.mark.kills

SERVES_ON = {"DRAIN_SECONDS": "4"}
"""Eighty looks of a balancer, so that a busy machine leaves it some."""

FOR_EVER = {"DRAIN_SECONDS": "600"}

GATEWAY_TOML = """
[upstreams.todo]
url = "http://127.0.0.1:1"
[server]
flood = { rate = 1000000, burst = 1000000 }
[limits]
plenty = { key = "ip", rate = 1000000, burst = 1000000 }
[[routes]]
path = "/todos"
match = "prefix"
upstream = "todo"
methods = ["GET"]
auth = "required"
limit = "plenty"
max_body = 0
"""


@dataclass
class Kind:
    """A kind of process: what it is called, what it needs, and what it can be asked."""

    module: str
    environment: Mapping[str, str]
    path: str


@pytest.fixture
async def todo_environment(migrated_database, redis_url):
    """What a todo-service needs."""
    database = {"DATABASE_URL": await migrated_database("todo"), "REDIS_URL": redis_url}
    return database | {"AUTH_JWKS_URL": NOWHERE, "BETTER_AUTH_SECRET": SECRET}


@pytest.fixture(params=["auth_service", "todo_service", "gateway"])
async def kind(request, migrated_database, redis_url, todo_environment, tmp_path) -> AsyncIterator[Kind]:
    """Each of those that serve requests, the gateway with a todo-service behind it."""
    match request.param:
        case "auth_service":
            given = auth_environment(DATABASE_URL=await migrated_database("auth"), REDIS_URL=redis_url)
            yield Kind("auth_service", given, "/.well-known/jwks.json")
        case "todo_service":
            yield Kind("todo_service", todo_environment, "/todos")
        case _:
            (tmp_path / "gateway.toml").write_text(GATEWAY_TOML)
            async with replica("todo_service", todo_environment) as behind:
                url = str(behind.client.base_url).rstrip("/")
                keys = {name: todo_environment[name] for name in ("AUTH_JWKS_URL", "BETTER_AUTH_SECRET")}
                given = keys | {"GATEWAY_CONFIG": str(tmp_path / "gateway.toml"), "GATEWAY_UPSTREAM_TODO_URL": url}
                yield Kind("gateway", {**given, "BIND_ADDRESS": "127.0.0.1"}, "/todos")


@asynccontextmanager
async def two_of(kind: Kind, **environment: str) -> AsyncIterator[list[Replica]]:
    """Run two replicas."""
    async with AsyncExitStack() as stack:
        given = {**kind.environment, **environment}
        yield [await stack.enter_async_context(replica(kind.module, given)) for _ in range(2)]


class TestARollingRestart:
    async def test_drain(self, kind):
        """While each of two replicas in turn is told to end, no request fails; on its way out a replica says so."""
        headers = {"Authorization": f"Bearer {token('ada')}"}
        async with two_of(kind, **SERVES_ON) as replicas, AsyncExitStack() as successors:
            crowd = Crowd(replicas, kind.path, headers)
            async with crowd.asking():
                await crowd.has_asked(50)
                for number in range(2):
                    leaving = crowd.replicas[number]
                    leaving.tell_to_end()
                    await until(lambda number=number: number not in crowd.ready, seconds=30)
                    assert await leaving.is_draining()
                    last = await leaving.client.get(kind.path, headers=headers)
                    assert (last.status_code, last.headers["connection"]) == (200, "close")
                    await leaving.ended()
                    given = {**kind.environment, **SERVES_ON}
                    crowd.replicas[number] = await successors.enter_async_context(replica(kind.module, given))
                    await until(lambda number=number: number in crowd.ready, seconds=30)
                    await crowd.has_asked(50)

        assert crowd.answers.keys() == {"200"}


class TestASecondSignal:
    async def test_ends_it_at_once(self, kind):
        """Who cannot wait for the end of the draining says so by another SIGTERM."""
        async with replica(kind.module, {**kind.environment, **FOR_EVER}) as one:
            one.tell_to_end()
            await until(one.is_draining)

            one.tell_to_end()

            # Ten minutes of draining are left.
            await one.ended()


@pytest.mark.parametrize("kind", ["auth_service", "todo_service"], indirect=True)
class TestAStandstill:
    async def test_is_a_reason_to_restart(self, kind):
        """A process that has kept everybody waiting for longer than five seconds says so, and is ready all the same."""
        async with replica(kind.module, kind.environment) as one:
            one.process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(8)
            one.process.send_signal(signal.SIGCONT)

            async def is_told() -> bool:
                answer = await one.client.get("/livez")
                return (answer.status_code, answer.json()) == (503, {"status": "lagging"})

            await until(is_told)
            assert await one.is_ready()


class TestStreams:
    async def test_go_on_until_the_draining_is_over(self, todo_environment):
        """A stream of events still hears of changes while its process drains; its end says when to come back."""
        ada = {"Authorization": f"Bearer {token('ada')}"}
        async with replica("todo_service", {**todo_environment, **SERVES_ON}) as one:
            async with one.client.stream("GET", "/events", headers=ada) as stream:
                lines = stream.aiter_lines()
                assert await _next(lines, "data: ") == '{"seq":0}'
                one.tell_to_end()
                await until(one.is_draining)
                assert (await one.client.post("/todos", json={"title": "Late"}, headers=ada)).status_code == 201

                assert await _next(lines, "data: ") == '{"seq":1}'
                assert 1000 <= int(await _next(lines, "retry: ")) <= 5000
                assert [line async for line in lines if line] == []
            await one.ended()


async def _next(lines: AsyncIterator[str], field: str) -> str:
    """Return what the next line says that begins with `field`."""
    async for line in lines:
        if line.startswith(field):
            return line.removeprefix(field)
    pytest.fail(f"the stream has ended without {field!r}")
