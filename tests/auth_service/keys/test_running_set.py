"""Keys that change under people who use two auth-services and a todo-service."""

import asyncio
import sys
import time

import pytest

from tests.auth_service.keys.running_set import Person, replicas_on
from tests.auth_service.keys.stored import published
from tests.auth_service.processes import environment
from tests.auth_service.running import AUTH_SECRET, PUBLIC_URL
from tests.waiting import until
from tests.worker_process import WorkerProcess

PEOPLE = 4
ROUNDS_IN_EACH_STATE = 5


@pytest.fixture
async def replicas(url, migrated_database, redis_url):
    """The services."""
    async with replicas_on(url, await migrated_database("todo"), redis_url) as replicas:
        yield replicas


@pytest.fixture
async def people(replicas):
    """People who do not rest until the test ends."""
    people = [await Person.registered(replicas) for _ in range(PEOPLE)]
    leaves = asyncio.Event()
    living = [asyncio.create_task(person.live(leaves)) for person in people]
    yield people
    leaves.set()
    await asyncio.gather(*living)


class TestARotation:
    async def test_rotation_under_load(self, replicas, people, stored):
        """Through every state of two keys not one request fails, also while the replicas know different things."""
        former = await stored.kid("active")
        await live_on(people)

        await stored.operate("begin")
        await live_on(people)
        assert {person.kid for person in people} == {former}

        await stored.age(minutes=10)
        await stored.move()
        await published(replicas.auth[1])
        await live_on(people)
        await replicas.reread()
        await until(lambda: former not in {person.kid for person in people})
        await live_on(people)

        await stored.age(minutes=75)
        await stored.move()
        await replicas.reread()
        await live_on(people)

        assert await stored.states() == ["retired", "active"]
        assert [refused for person in people for refused in person.refused] == []
        assert {person.kid for person in people} == {await stored.kid("active")}


async def live_on(people):
    """Let everybody go some more rounds."""
    before = [person.rounds for person in people]

    def all_did():
        return all(person.rounds >= had + ROUNDS_IN_EACH_STATE for person, had in zip(people, before, strict=True))

    await until(all_did, seconds=60)


@pytest.fixture
def worker(url, redis_url, tmp_path):
    """The auth-worker, which tells what has ended."""
    usual = {
        "ENVIRONMENT": "development",
        "PUBLIC_URL": PUBLIC_URL,
        "APP_URL": "http://localhost:3000",
        "AUTH_SECRET": AUTH_SECRET,
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "todo@example.com",
        "ADMIN_PORT": "0",
    }
    with WorkerProcess("auth_service.worker", tmp_path / "worker.log", **usual) as worker:
        yield worker


class TestAStolenKey:
    async def test_retire_now(self, replicas, worker, stored, url):
        """One command: seconds later no service takes its tokens, and whoever has a session goes on by a refresh."""
        await until(lambda: worker.lines("worker_started"), seconds=20)
        ada, everywhere = await Person.registered(replicas), [*replicas.auth, replicas.todo]
        assert await answers(everywhere, ada) == {200}
        stolen = await stored.kid("active")

        await retire(url, stolen)
        ended_at = time.monotonic()
        await until(lambda: gets(everywhere, ada, {401}))
        seconds = time.monotonic() - ended_at

        assert seconds < 10
        # First the replica that nobody has asked for its key set: it has heard by itself.
        for replica in reversed(replicas.auth):
            ada.client = replica
            await until(lambda: signs_with_another(ada, stolen), seconds=5)
            await until(lambda: gets(everywhere, ada, {200}))
        assert await stored.written() == [
            ("operator", "key_retired", {"kid": stolen, "was": "active"}),
            ("operator", "key_rotated", {"kid": ada.kid, "now": "active"}),
        ]


async def retire(url, kid):
    """Do what the operator does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "auth_service.keys", "retire", "--now", kid), env=environment(DATABASE_URL=url)
    )
    assert await process.wait() == 0


async def signs_with_another(person, kid):
    """Whether a refresh works, and its token is not of this key."""
    assert (await person.refresh()).status_code == 200
    return person.kid != kid


async def gets(clients, person, statuses):
    """Whether the person's token is answered so everywhere."""
    return await answers(clients, person) == statuses


async def answers(clients, person):
    """With which statuses the services answer the person's token."""
    paths = ("/auth/me", "/auth/me", "/todos")
    asked = zip(clients, paths, strict=True)
    return {(await client.get(path, headers=person.bearer)).status_code for client, path in asked}
