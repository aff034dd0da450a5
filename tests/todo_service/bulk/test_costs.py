"""What a bulk costs, and what it tells the world: the same for one operation and for a hundred."""

import json
import re
from uuid import uuid4

import pytest

from tests.todo_service.bulk.calls import create, on, results_of, send
from tests.todo_service.harness import running

NEEDS_REDIS = pytest.mark.needs_redis("counts its commands")
SIZES = pytest.mark.parametrize("size", [1, 100])


@pytest.fixture
def recorded(table):
    """`await recorded(ada)`: types and payloads in her outbox."""

    async def rows(caller):
        found = await table.fetch("SELECT type, payload FROM outbox WHERE user_id = $1", caller.user_id)
        return [(row["type"], {**json.loads(row["payload"]), "context": None}) for row in found]

    return rows


class TestABulk:
    @SIZES
    async def test_is_three_statements(self, app, ada, size):
        """Take the lock, read what it names, write; the texts are the same, however many there are."""
        await ada.new()
        todos = [str(uuid4()) for _ in range(size)]
        texts = []
        for operations in (
            [create("x", todo_id) for todo_id in todos],
            [on(todo_id, "update", title="y") for todo_id in todos],
            [on(todo_id, "delete") for todo_id in todos],
            [on(todo_id, "restore") for todo_id in todos],
            [on(todo_id, "delete", permanent=True) for todo_id in todos],
        ):
            mark = len(app.state.watch.statements)
            await results_of(ada, *operations)
            statements = await app.state.watch.since(mark)
            assert len(statements) == 3
            texts.append(statements)

        assert len({read for _, read, _ in texts}) == 1
        assert len({write for _, _, write in texts[1:]}) == 1

    async def test_that_changes_nothing_writes_nothing(self, app, ada):
        """Two statements."""
        await ada.new()
        mark = len(app.state.watch.statements)

        await results_of(ada, on(str(uuid4()), "delete"))

        assert len(await app.state.watch.since(mark)) == 2

    @NEEDS_REDIS
    @SIZES
    async def test_clears_and_publishes_once(self, ada, valkey, size):
        """One CLEAR and one message with the last number."""
        assert valkey.ask("CONFIG RESETSTAT").startswith("+OK")

        await results_of(ada, *(create() for _ in range(size)))

        calls = dict(re.findall(r"cmdstat_(\w+):calls=(\d+)", valkey.ask("INFO commandstats")))
        assert (calls["del"], calls["publish"]) == ("1", "1")

    @NEEDS_REDIS
    async def test_that_is_refused_clears_and_publishes_nothing_new(self, ada, valkey):
        """It may repeat one whose answer was lost, so pages go; but no number is published."""
        assert valkey.ask("CONFIG RESETSTAT").startswith("+OK")

        await send(ada, on(str(uuid4()), "delete"), mode="atomic")

        calls = dict(re.findall(r"cmdstat_(\w+):calls=(\d+)", valkey.ask("INFO commandstats")))
        assert (calls["del"], calls.get("publish")) == ("1", None)


class TestTheMail:
    async def test_is_one_for_all_creates(self, ada, recorded):
        """It holds how many there are and the first titles, in their order."""
        await results_of(ada, *(create(f"todo {number}") for number in range(25)), create(title=None))

        [(kind, payload)] = await recorded(ada)
        titles = [f"todo {number}" for number in range(20)]
        email = f"{ada.user_id}@example.com"
        assert kind == "todos.created"
        assert payload == {"count": 25, "titles": titles, "email": email, "context": None}

    async def test_of_a_single_create_is_as_ever(self, ada, recorded):
        """As if it had come alone."""
        [result] = await results_of(ada, create("x"))

        [(kind, payload)] = await recorded(ada)
        assert (kind, payload["todo_id"], payload["title"]) == ("todo.created", result["id"], "x")

    async def test_tells_of_what_is_there_in_the_end(self, ada, recorded):
        """What goes for good within the bulk never was; what comes back is one todo; titles are the latest."""
        never, again, renamed, trashed = (str(uuid4()) for _ in range(4))

        await results_of(
            ada,
            *(create("never", never), create("first", again), create("a", renamed), create("trashed", trashed)),
            *(on(never, "delete", permanent=True), on(again, "delete", permanent=True), create("second", again)),
            *(on(renamed, "update", title="b"), on(trashed, "delete")),
        )

        [(_, payload)] = await recorded(ada)
        assert (payload["count"], payload["titles"]) == (3, ["b", "trashed", "second"])

    async def test_is_none_without_creates(self, ada, recorded):
        """Updates, an atomic bulk that fails, and creates of what is gone in the end tell nobody."""
        todo, gone = await ada.new(), str(uuid4())

        await results_of(ada, on(todo["id"], "update", title="y"))
        await send(ada, create(), on(str(uuid4()), "delete"), mode="atomic")
        await results_of(ada, create("x", gone), on(gone, "delete", permanent=True))

        assert len(await recorded(ada)) == 1

    async def test_can_be_told_not_to_come(self, client_for, recorded, todo_database_url, valkey):
        """NOTIFY_TODO_CREATED=off records nothing."""
        async with running(todo_database_url, valkey.url, notify_todo_created="off") as quiet:
            caller = client_for("ada", on=quiet)
            await results_of(caller, create(), create())

        assert await recorded(caller) == []
