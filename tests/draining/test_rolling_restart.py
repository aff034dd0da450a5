"""Everything is replaced, one after the other, under traffic through the gateways: nobody is refused, no mail lost."""

import asyncio
import sys
import time
from contextlib import ExitStack

import asyncpg
import httpx
import pytest

from devstack.ports import free_ports
from tests.auth_service.processes import environment as auth_environment
from tests.draining.fleet import Traffic, two_gateways, two_of
from tests.proofs import IS_WHOLE, rounds
from tests.todo_service.harness import NOWHERE, SECRET, token
from tests.waiting import until
from tests.worker_process import WorkerProcess

pytestmark = pytest.mark.kills

RATE = rounds(300)
"""Requests a second."""
DRAIN = {"DRAIN_SECONDS": "6"}
"""The gateways take two looks, of two seconds each, to see that somebody is leaving."""
PATIENCE_SECONDS = 180
"""A mail whose sending was cut short on a busy machine is taken up again a minute after it was begun."""


@pytest.fixture
async def todo_environment(migrated_database, redis_url):
    """What the todo-service and its worker need."""
    database = {"DATABASE_URL": await migrated_database("todo"), "REDIS_URL": redis_url}
    return database | {"AUTH_JWKS_URL": NOWHERE, "BETTER_AUTH_SECRET": SECRET} | DRAIN


@pytest.fixture
def new_worker(todo_environment, smtp_url, tmp_path):
    """`new_worker()`: start one more todo-worker."""
    started = []
    with ExitStack() as stack:

        def start() -> WorkerProcess:
            started.append(None)
            more = {
                "SMTP_URL": smtp_url,
                "MAIL_FROM": "Todo <todo@example.com>",
                "PUBLIC_URL": "http://localhost:8080",
                "ENVIRONMENT": "development",
                "ADMIN_PORT": str(free_ports(1)[0]),
                "NOTIFY_MAX_PER_HOUR": "0",
            }
            log = tmp_path / f"worker{len(started)}.log"
            return stack.enter_context(WorkerProcess("todo_service.worker", log, **todo_environment, **more))

        yield start


class TestARollingRestart:
    async def test_drain(self, migrated_database, redis_url, todo_environment, new_worker):
        """While each service, gateway and worker is replaced, every request is answered well and every mail sent."""
        accounts = auth_environment(DATABASE_URL=await migrated_database("auth"), REDIS_URL=redis_url, **DRAIN)
        workers = [new_worker(), new_worker()]
        edge = {"THROTTLE_FACTOR": "100000", "REDIS_URL": redis_url, "AUTH_JWKS_URL": NOWHERE} | DRAIN
        async with (
            two_of("auth_service", accounts) as auth,
            two_of("todo_service", todo_environment) as todo,
            two_gateways({"auth": auth, "todo": todo}, {"BETTER_AUTH_SECRET": SECRET} | edge) as gateways,
        ):
            traffic = Traffic(gateways, RATE, f"Bearer {token('ada')}", await registered(gateways[0].now.client))

            async def replace_worker(number: int) -> None:
                assert (await workers[number].stop())[0] == 0, workers[number].output()
                workers[number] = new_worker()

            began = time.monotonic()
            async with traffic.flowing():
                await traffic.goes_on(RATE)
                if IS_WHOLE:
                    for place in (*auth, *todo, *gateways):
                        await place.restart()
                    for number in range(2):
                        await replace_worker(number)
                else:
                    # One of each kind at once: a replica of its own kind remains.
                    one_of_each = (auth[0], todo[0], gateways[0])
                    await asyncio.gather(replace_worker(0), *(place.restart() for place in one_of_each))
                await traffic.goes_on(RATE)

        assert traffic.answers.keys() == {"good"}, traffic.answers
        asked, seconds = traffic.answers.total(), time.monotonic() - began
        sys.stdout.write(f"Rolling restart: {asked} requests in {seconds:.0f} s, none failed\n")
        assert traffic.created > 0
        await until(lambda: mails(todo_environment["DATABASE_URL"], {"done": traffic.created}), PATIENCE_SECONDS)


async def mails(url: str, expected: dict[str, int]) -> bool:
    """Whether so many mails are in these states."""
    connection = await asyncpg.connect(url)
    found = await connection.fetch("SELECT state, count(*) FROM outbox GROUP BY state")
    await connection.close()
    return dict(map(tuple, found)) == expected


async def registered(client: httpx.AsyncClient) -> str:
    """Make an account; return what to send as `Authorization`."""
    person = {"email": "ada@example.com", "password": "correct horse battery staple 7"}
    answer = await client.post("/auth/register", json=person)
    assert answer.status_code == 201, answer.text
    return f"Bearer {answer.json()['access_token']}"
