"""What creating a todo records for the mail to its owner."""

import json

import asyncpg
import pytest

from tests.todo_service.harness import Caller, running


@pytest.fixture
def recorded(table):
    """`await recorded(ada)`: her rows of the outbox."""

    async def rows(caller: Caller) -> list[asyncpg.Record]:
        return await table.fetch("SELECT * FROM outbox WHERE user_id = $1", caller.user_id)

    return rows


class TestCreatingATodo:
    async def test_records_one_event(self, ada, recorded):
        """The row names the todo and where to write to, and is due at once."""
        todo = await ada.new("Buy milk")

        [row] = await recorded(ada)
        payload = json.loads(row["payload"])
        assert (row["stream"], row["type"], row["state"]) == ("todo:events", "todo.created", "waiting")
        assert payload.items() >= {"todo_id": todo["id"], "title": "Buy milk"}.items()
        assert payload["email"] == f"{ada.user_id}@example.com"
        assert row["next_at"] == row["created_at"]

    async def test_joins_the_event_to_its_request(self, ada, recorded):
        """The event carries the id that the answer had."""
        response = await ada.post("/todos", json={"title": "x"})

        [row] = await recorded(ada)
        assert json.loads(row["payload"])["context"]["request_id"] == response.headers["X-Request-Id"]

    async def test_that_is_refused_records_nothing(self, ada, recorded):
        """Neither a taken id nor a wrong title leaves an event."""
        todo = await ada.new()
        await ada.post("/todos", json={"title": "again", "id": todo["id"]})
        await ada.post("/todos", json={"title": ""})

        assert len(await recorded(ada)) == 1

    @pytest.mark.parametrize("claims", [{"email": None}, {"email": "nonsense"}, {"email_verified": False}])
    async def test_without_an_address_records_nothing(self, client_for, recorded, claims):
        """A token may name none, or one that its issuer says is not verified."""
        caller = client_for("ada", **claims)
        await caller.new()

        assert await recorded(caller) == []

    async def test_can_be_told_not_to_notify(self, client_for, recorded, todo_database_url, valkey):
        """NOTIFY_TODO_CREATED=off records nothing."""
        async with running(todo_database_url, valkey.url, notify_todo_created="off") as quiet:
            caller = client_for("ada", on=quiet)
            await caller.new()

        assert await recorded(caller) == []
