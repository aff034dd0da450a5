"""A request that comes again with its `Idempotency-Key` is done once, and answered as it was the first time."""

import asyncio
from uuid import uuid4

import pytest
from fastapi import Response
from structlog.contextvars import bound_contextvars

from shared.database import WORKER, Database, transaction
from shared.problems import Unprocessable
from shared.tokens import InvalidToken, MissingToken
from tests.todo_service.harness import Caller, assert_problem, running
from todo_service.changes.counter import Turn
from todo_service.changes.errors import QuotaExceeded
from todo_service.changes.idempotency.errors import IdempotencyKeyReused
from todo_service.changes.idempotency.repository import KeyRepository
from todo_service.changes.idempotency.service import Keyed
from todo_service.changes.purge import AccountPurge, owned_tables
from todo_service.notifications.models import Outbox
from todo_service.todos.errors import IdTaken, StaleVersion, TodoNotFound

assert Outbox.metadata.tables

TWINS = 50
COUNTS = """
SELECT (SELECT count(*) FROM todos WHERE user_id = $1) AS todos,
       (SELECT count(*) FROM outbox WHERE user_id = $1) AS mails,
       (SELECT count(*) FROM idempotency_keys WHERE user_id = $1) AS keys,
       (SELECT coalesce(max(seq), 0) FROM user_streams WHERE user_id = $1) AS seq
"""


@pytest.fixture
def counts(table, ada):
    """`await counts()`: how many todos, mails and keys Ada has, and the number of her latest change."""

    async def count():
        return tuple(await table.fetchrow(COUNTS, ada.user_id))

    return count


def keyed(key: str = "k") -> dict[str, str]:
    """Return the header field of a request with this key."""
    return {"Idempotency-Key": key}


async def create(caller: Caller, title: str = "Buy milk", *, key: str = "k", **fields):
    """Create a todo with a key, and return the answer."""
    return await caller.post("/todos", json={"title": title, **fields}, headers=keyed(key))


def is_replay(answer) -> bool:
    """Whether an answer says that it was given before."""
    return answer.headers.get("Idempotency-Replayed") == "true"


class TestARepeatedCreate:
    async def test_needs_a_token(self, nobody):
        """A key opens nothing."""
        assert_problem(await create(nobody), MissingToken)

    @pytest.mark.parametrize("own_id", [True, False])
    async def test_gets_the_same_answer(self, ada, counts, own_id):
        """The very bytes and headers of the first one, marked as a replay; one todo, one mail, one change."""
        fields = {"id": str(uuid4())} if own_id else {}

        first = await create(ada, **fields)
        second = await create(ada, **fields)

        assert (first.status_code, second.status_code) == (201, 201)
        assert second.content == first.content
        names = ("Location", "ETag", "X-Sync-Seq", "Content-Type", "Content-Length")
        assert [second.headers[name] for name in names] == [first.headers[name] for name in names]
        assert [is_replay(one) for one in (first, second)] == [False, True]
        assert await counts() == (1, 1, 1, 1)

    async def test_makes_what_one_without_a_key_makes(self, ada, counts):
        """The key changes neither the answer nor what is stored: it joins the numbers and counts of the others."""
        plain = await ada.post("/todos", json={"title": "Buy milk"})
        with_key = await create(ada)

        own = {"id", "created_at", "updated_at"}
        one, other = ({n: v for n, v in answer.json().items() if n not in own} for answer in (plain, with_key))
        assert one == other
        assert with_key.headers["X-Sync-Seq"] == "2"
        assert await counts() == (2, 2, 1, 2)
        assert len(await ada.titles()) == 2

    async def test_is_the_same_however_it_is_spelt(self, ada, counts):
        """White space, the order of fields, and a slash at the end of the path are no part of the request."""
        first = await ada.post("/todos", json={"title": "x", "priority": 5}, headers=keyed())
        content = '{ "priority": 5,\n"title": " x " }'
        json = {"Content-Type": "application/json"}

        second = await ada.post("/todos/", content=content, headers=keyed('"k"') | json)

        assert is_replay(second)
        assert second.content == first.content
        assert await counts() == (1, 1, 1, 1)

    async def test_of_a_todo_that_has_changed_since(self, ada):
        """The answer is of then, also when the todo is another now, or gone for good."""
        first = await create(ada)
        path = first.headers["Location"]
        await ada.patch(path, json={"title": "Buy oat milk"})
        changed = await create(ada)
        await ada.delete(f"{path}?permanent=true")

        gone = await create(ada)

        assert changed.content == gone.content == first.content
        assert_problem(await ada.get(path), TodoNotFound)

    @pytest.mark.needs_redis("counts its commands")
    async def test_shows_in_the_next_list(self, ada, app, valkey):
        """A repeat clears the pages as the first one would have: that one may have died before it could."""
        await create(ada)
        await ada.titles()
        assert valkey.ask("CONFIG RESETSTAT").startswith("+OK")

        await create(ada)

        assert "cmdstat_del:calls=1," in valkey.ask("INFO commandstats")

    async def test_fifty_at_once(self, ada, replica, client_for, counts):
        """On two replicas: one todo, one mail, fifty equal answers, of which forty-nine are replays."""
        callers = ada, client_for("ada", on=replica)

        answers = await asyncio.gather(*(create(callers[n % 2]) for n in range(TWINS)))

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum(map(is_replay, answers)) == TWINS - 1
        assert await counts() == (1, 1, 1, 1)

    async def test_of_somebody_else(self, ada, grace, counts):
        """The same key of another user is theirs: they get a todo of their own."""
        hers = await create(grace)

        mine = await create(ada)

        assert not is_replay(mine)
        assert mine.json()["id"] != hers.json()["id"]
        assert (await grace.get(mine.headers["Location"])).status_code == 404
        assert await counts() == (1, 1, 1, 1)

    async def test_of_an_account_that_has_ended(self, ada, counts, todo_database_url):
        """401: the purge took the answers too, and nothing is replayed to a token that still holds."""
        await create(ada)
        async with Database.open(todo_database_url, "tests", WORKER) as database:

            async def announce(user_id, seq):
                pass

            await AccountPurge(database.sessions, owned_tables(), announce).purge(ada.user_id)

        assert_problem(await create(ada), InvalidToken)
        assert (await counts())[:3] == (0, 0, 0)

    async def test_without_a_key(self, ada, counts):
        """Each request is one of its own."""
        await ada.new()
        await ada.new()

        assert await counts() == (2, 2, 0, 2)


class TestAnotherRequestWithTheKey:
    async def test_is_refused(self, ada, counts):
        """422 `idempotency_key_reused` for another body or another address, and nothing is written."""
        path = (await create(ada)).headers["Location"]

        answers = [
            await create(ada, "Buy oat milk"),
            await create(ada, priority=5),
            await create(ada, id=str(uuid4())),
            await ada.post(f"{path}/restore", headers=keyed()),
        ]

        for answer in answers:
            assert_problem(answer, IdempotencyKeyReused)
        assert await counts() == (1, 1, 1, 1)

    async def test_may_be_tried_with_another_key(self, ada, counts):
        """Then it is a request of its own, even if it is equal."""
        await create(ada, key="one")

        assert not is_replay(await create(ada, key="two"))
        assert await counts() == (2, 2, 2, 2)

    async def test_with_another_condition(self, ada):
        """`If-Match` belongs to a restore: the same condition is a repeat, another one is another request."""
        path = (await create(ada, key="create")).headers["Location"]
        await ada.delete(path)
        first = await ada.post(f"{path}/restore", headers=keyed() | {"If-Match": '"2"'})

        repeat = await ada.post(f"{path}/restore", headers=keyed() | {"If-Match": '"2"'})
        other = await ada.post(f"{path}/restore", headers=keyed() | {"If-Match": '"3"'})

        assert (first.status_code, is_replay(repeat), repeat.content) == (200, True, first.content)
        assert_problem(other, IdempotencyKeyReused)


class TestARepeatedRestore:
    async def test_does_not_restore_again(self, ada):
        """What was deleted after it stays in the trash; the answer is that of the first time."""
        path = (await create(ada, key="create")).headers["Location"]
        await ada.delete(path)
        first = await ada.post(f"{path}/restore", headers=keyed())
        await ada.delete(path)

        second = await ada.post(f"{path}/restore/", headers=keyed())

        assert is_replay(second)
        assert (second.status_code, second.content) == (200, first.content)
        assert second.headers["ETag"] == first.headers["ETag"] == '"3"'
        assert second.headers["X-Sync-Seq"] == first.headers["X-Sync-Seq"] == "3"
        assert_problem(await ada.get(path), TodoNotFound)


class TestARefusedRequest:
    async def test_leaves_its_key_free(self, ada, counts):
        """Only successes are stored: what is mended may come with the key of what was refused."""
        assert_problem(await create(ada, ""), Unprocessable)
        assert (await counts())[2] == 0

        assert not is_replay(await create(ada))
        assert await counts() == (1, 1, 1, 1)

    async def test_because_its_id_was_taken(self, ada, counts):
        """409, and the same request succeeds when the id is free again."""
        todo = await ada.new()
        assert_problem(await create(ada, id=todo["id"]), IdTaken)
        await ada.delete(f"/todos/{todo['id']}?permanent=true")

        answer = await create(ada, id=todo["id"])

        assert (answer.status_code, is_replay(answer)) == (201, False)

    async def test_because_its_todo_had_changed(self, ada):
        """412, and the same key serves for the version that is there."""
        path = (await create(ada, key="create")).headers["Location"]
        await ada.delete(path)
        stale = await ada.post(f"{path}/restore", headers=keyed() | {"If-Match": '"1"'})

        answer = await ada.post(f"{path}/restore", headers=keyed() | {"If-Match": '"2"'})

        assert_problem(stale, StaleVersion)
        assert (answer.status_code, is_replay(answer)) == (200, False)

    @pytest.mark.parametrize("own_id", [True, False])
    async def test_because_there_was_no_room(self, client_for, todo_database_url, valkey, own_id):
        """422 with the limit, and the very same request succeeds when there is room; its replay needs none."""
        fields = {"id": str(uuid4())} if own_id else {}
        async with running(todo_database_url, valkey.url, max_todos=1) as small:
            ada = client_for("ada", on=small)
            first = await ada.new()
            refused = await create(ada, **fields)
            await ada.delete(f"/todos/{first['id']}")

            answer, replay = await create(ada, **fields), await create(ada, **fields)

            assert assert_problem(refused, QuotaExceeded)["current"] == 1
            assert (answer.status_code, is_replay(answer)) == (201, False)
            assert is_replay(replay)
            assert small.state.watch.faults == []


class TestARollback:
    async def test_forgets_the_key(self, app, ada, counts):
        """The key is stored in the transaction of the work: when that fails, there is none."""

        class Failed(Exception):
            """Something goes wrong before COMMIT."""

        async def work():
            return Response("done")

        with bound_contextvars(user=ada.user_id), pytest.raises(Failed):
            async with transaction(app.state.database.sessions) as session:
                turn = Turn(session, ada.user_id, app.state.writers)
                await Keyed(turn, KeyRepository(session, ada.user_id), "k", "").answer(None, work)
                raise Failed

        assert not is_replay(await create(ada))
        assert await counts() == (1, 1, 1, 1)


@pytest.mark.kills
class TestWithoutRedis:
    async def test_another_replica_replays(self, todo_database_url, new_valkey):
        """The answer is in PostgreSQL: Redis may be down, and the replica that gave it too."""
        server = new_valkey()
        async with running(todo_database_url, server.url) as one, Caller(one, "ada-keyed-alone") as ada:
            first = await create(ada)
        await asyncio.to_thread(server.stop)

        async with running(todo_database_url, server.url) as other, Caller(other, "ada-keyed-alone") as ada:
            second = await create(ada)

        assert is_replay(second)
        assert second.content == first.content
