"""The turn of each write: it begins once, it lets others wait for a while only, and it ends with the account."""

import asyncio
from uuid import uuid4

from structlog.contextvars import bound_contextvars

from shared.database import transaction
from shared.problems import Busy
from shared.tokens import Principal
from tests.todo_service.harness import assert_problem
from tests.todo_service.held_writes import WAITERS, written
from tests.waiting import until
from todo_service.changes.counter import Turn
from todo_service.todos.repository import TodoWrites
from todo_service.todos.schemas import TodoCreate
from todo_service.todos.service import TodoService


class TestATurn:
    async def test_begins_once(self, app, ada):
        """Who asks again gets the same counter, and no second place; creates and other writes share its numbers."""
        with bound_contextvars(user=ada.user_id):
            async with transaction(app.state.database.sessions) as session:
                turn = Turn(session, ada.user_id, app.state.writers)
                service = TodoService(
                    TodoWrites(session, ada.user_id, turn), Principal(ada.user_id, None), notifies=False
                )
                head = await turn.begin()

                numbers = [
                    (await service.create(TodoCreate(title="x"))).seq,
                    (await service.create(TodoCreate(title="x", id=uuid4()))).seq,
                    (await service.create(TodoCreate(title="x"))).seq,
                ]

                assert numbers == [1, 2, 3]
                assert await turn.begin() is head
                assert (head.seq, head.live) == (3, 3)
                assert len(session.info["on_end"]) == 1
        assert (await ada.post("/todos", json={"title": "x"})).headers["X-Sync-Seq"] == "4"


class TestTheLock:
    async def test_one_user_takes_few_connections(self, app, ada, grace, table):
        """One of Ada's writes holds her lock, three wait for it at the database, the rest outside; Grace's does not."""
        await ada.new()
        async with written(app, ada.user_id):
            waiting = [asyncio.ensure_future(ada.new(f"{n}")) for n in range(20)]

            async def are_waiting() -> bool:
                return await table.fetchval(WAITERS) == 3

            await until(are_waiting)
            await asyncio.wait_for(grace.new(), 5)
            assert await table.fetchval(WAITERS) == 3
        await asyncio.gather(*waiting)
        assert len(await ada.titles()) == 22

    async def test_who_waits_too_long_hears_so(self, app, ada):
        """503 `busy` after two seconds, with Retry-After, and nothing was written."""
        todo = await ada.new()
        async with written(app, ada.user_id):
            response = await ada.patch(f"/todos/{todo['id']}", json={"title": "y"})

        assert_problem(response, Busy)
        assert response.headers["Retry-After"] == "1"
        assert (await ada.get(f"/todos/{todo['id']}")).json() == todo


class TestAnEndedAccount:
    async def test_cannot_be_revived_by_a_token(self, ada, table):
        """A token that still holds writes nothing: 401 `invalid_token`, whichever write it is."""
        todo = await ada.new()
        await table.execute("UPDATE user_streams SET purged_at = now() WHERE user_id = $1", ada.user_id)
        path = f"/todos/{todo['id']}"

        answers = [
            await ada.post("/todos", json={"title": "x"}),
            await ada.post("/todos", json={"title": "x", "id": str(uuid4())}),
            await ada.patch(path, json={"title": "x"}),
            await ada.delete(path),
            await ada.delete(f"{path}?permanent=true"),
            await ada.post(f"{path}/restore"),
            await ada.delete("/trash"),
        ]

        assert [(one.status_code, one.json()["code"]) for one in answers] == [(401, "invalid_token")] * 7
        assert await table.fetchval("SELECT count(*) FROM todos WHERE user_id = $1", ada.user_id) == 1
