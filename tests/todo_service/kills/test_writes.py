"""kill -9 of a service at every step of a write: what was acknowledged is there, once, and the counters are right."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import httpx
import pytest

from tests.todo_service.harness import Caller, running, token
from tests.todo_service.held_writes import WAITERS
from tests.todo_service.processes import ServiceProcess, started
from tests.todo_service.wire import COMMIT, COMMITTED, INSERTED, Wire, wire_to
from tests.waiting import until

pytestmark = pytest.mark.kills

OWN_ID = "019ab1c2-7d3e-7b5a-9c40-5f0d8a3b6e21"
NEW = "019ab1c2-7d3e-7b5a-9c40-5f0d8a3b6e22"
WRITES = {
    "creator": ("POST", "/todos", {"title": "new"}),
    "namer": ("POST", "/todos", {"title": "new", "id": NEW}),
    "patcher": ("PATCH", f"/todos/{OWN_ID}", {"title": "new"}),
    "deleter": ("DELETE", f"/todos/{OWN_ID}", None),
    "restorer": ("POST", f"/todos/{OWN_ID}/restore", None),
    "burier": ("DELETE", f"/todos/{OWN_ID}?permanent=true", None),
}
"""What each user has in hand when the process dies. The first is one statement, which commits as it ends."""

BEFORE = {user: ["old"] for user in WRITES} | {"restorer": []}
AFTER = {user: ["new", "old"] for user in WRITES} | {
    "patcher": ["new"],
    "deleter": [],
    "restorer": ["old"],
    "burier": [],
}
"""The titles of each user's live todos, without those writes and with them."""

LOCKED = "SELECT user_id FROM user_streams WHERE user_id = ANY($1) FOR UPDATE"
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
WRONG = """
SELECT user_id FROM user_streams JOIN LATERAL (
  SELECT count(*) FILTER (WHERE deleted_at IS NULL) AS live, count(deleted_at) AS trash, max(seq) AS seq
  FROM todos WHERE todos.user_id = user_streams.user_id
) stored ON true
WHERE (user_streams.seq, live_count, trash_count) IS DISTINCT FROM (
  greatest(stored.seq, (SELECT max(seq) FROM tombstones t WHERE t.user_id = user_streams.user_id)), live, trash
)
"""


@dataclass
class World:
    """A service on a wire to its database, and the writes that it has in hand."""

    service: ServiceProcess
    wire: Wire
    pending: list[asyncio.Future[httpx.Response]]

    async def acknowledged(self) -> None:
        """Let every user have a todo, one of them in the trash: writes that were answered."""
        for user in WRITES:
            client, headers = self.service.client, {"Authorization": f"Bearer {token(user)}"}
            answer = await client.post("/todos", json={"title": "old", "id": OWN_ID}, headers=headers)
            assert answer.status_code == 201
            if user == "restorer":
                assert (await client.delete(f"/todos/{OWN_ID}", headers=headers)).status_code == 204

    def begin(self) -> None:
        """Send every write."""
        for user, (method, path, body) in WRITES.items():
            headers = {"Authorization": f"Bearer {token(user)}"}
            request = self.service.client.request(method, path, json=body, headers=headers)
            self.pending.append(asyncio.ensure_future(request))

    async def are_silent(self, connections: int) -> None:
        """Wait until so many connections have come to the word at which they stop."""
        await until(lambda: self.wire.silent == connections)

    async def die(self) -> None:
        """Kill the process; no write has been answered."""
        await self.service.kill()
        answers = await asyncio.gather(*self.pending, return_exceptions=True)
        assert all(isinstance(answer, httpx.TransportError) for answer in answers), answers


@pytest.fixture
def locked(url):
    """`async with locked(["ada"])`: nobody else can write for these users."""

    @asynccontextmanager
    async def lock(users):
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute(LOCKED, users)
            yield
        await connection.close()

    return lock


@pytest.fixture
def world(url, redis_url):
    """`async with world() as its`: a service that is to be killed, with acknowledged writes."""

    @asynccontextmanager
    async def make():
        async with wire_to(url) as (wire, wired_url), started(wired_url, redis_url) as service:
            its = World(service, wire, [])
            await its.acknowledged()
            yield its

    return make


@pytest.fixture
def titles(url, redis_url, sql):
    """`await titles()`: what each user sees on another replica; the counters must be right."""

    async def is_alone() -> bool:
        return await sql.fetchval(OTHERS) == 0

    async def see() -> dict[str, list[str]]:
        # What the process had begun, PostgreSQL ends first.
        await until(is_alone)
        assert await sql.fetch(WRONG) == []
        seen = {}
        async with running(url, redis_url) as replica:
            for user in WRITES:
                async with Caller(replica, user) as caller:
                    seen[user] = sorted(await caller.titles())
        return seen

    return see


class TestAProcessThatIsKilled:
    async def test_while_it_waits_for_the_lock(self, world, locked, sql, titles):
        """Nothing of a write that had to look first; a create, whose statement the server has, is whole or absent."""

        async def are_waiting() -> bool:
            return await sql.fetchval(WAITERS) == len(WRITES)

        async with world() as its, locked(list(WRITES)):
            its.begin()
            await until(are_waiting)
            await its.die()

        seen = await titles()
        assert seen["creator"] in (BEFORE["creator"], AFTER["creator"])
        assert seen == BEFORE | {"creator": seen["creator"]}

    async def test_before_commit(self, world, titles):
        """Nothing is left of what its statements did, and no number is missing; of one statement, all is there."""
        async with world() as its:
            its.wire.stop_at(requests=(COMMIT,), answers=(INSERTED,))
            its.begin()
            await its.are_silent(len(WRITES))
            await its.die()

        assert await titles() == BEFORE | {"creator": AFTER["creator"]}

    async def test_between_commit_and_answer(self, world, titles):
        """All of it is there, once, though nobody was told."""
        async with world() as its:
            its.wire.stop_at(answers=(COMMITTED,))
            its.begin()
            # The create says no COMMIT, so it is answered.
            await its.are_silent(len(WRITES) - 1)
            assert (await its.pending.pop(0)).status_code == 201
            await its.die()

        assert await titles() == AFTER
