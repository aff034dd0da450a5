"""A bulk does what the single calls do in its order, whatever they are."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.servers import Valkey
from tests.todo_service.bulk.calls import Operation, alone, create, on, send
from tests.todo_service.harness import Caller, running

IDS = [str(UUID(int=number, version=4)) for number in range(1, 5)]
ID = st.sampled_from(IDS)
VERSION = st.none() | st.integers(1, 4)
GOOD = {"title": st.sampled_from(["milk", "beer"]), "completed": st.booleans(), "priority": st.sampled_from([3, 5])}
BAD = st.sampled_from([{"title": None}, {"priority": 6}, {"more": 1}, {"description": "\x00"}])
READ_ONLY = st.sampled_from([{"id": IDS[0]}, {"version": 2}, {"deleted_at": None}, {"user_id": "grace"}])
FIELDS = st.fixed_dictionaries({}, optional=GOOD) | BAD | READ_ONLY
OPERATIONS = st.one_of(
    st.builds(create, st.sampled_from(["milk", "beer"]), ID, completed=st.booleans()),
    st.builds(lambda bad, todo_id: create(**({"title": "x"} | bad), todo_id=todo_id), BAD, ID),
    st.just({"op": "create", "data": {"title": "without an id"}}),
    st.builds(lambda todo_id, version, fields: on(todo_id, "update", if_match=version) | {"data": fields},
              ID, VERSION, FIELDS),
    st.builds(on, ID, st.just("delete"), if_match=VERSION, permanent=st.booleans()),
    st.builds(on, ID, st.just("restore"), if_match=VERSION),
)  # fmt: skip
MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
async def small(todo_database_url: str, valkey: Valkey) -> AsyncIterator[FastAPI]:
    """A service where a user has room for three todos, and four with the trash."""
    async with running(todo_database_url, valkey.url, max_todos=3, max_rows=4) as app:
        yield app
        assert app.state.watch.faults == []


def of(todo: dict[str, Any]) -> tuple[object, ...]:
    """Return what of a todo two owners can have alike: made ids, owners and times differ."""
    todo_id = todo["id"] if todo["id"] in IDS else None
    fixed = (todo[name] for name in ("title", "description", "completed", "priority", "version"))
    return (todo_id, *fixed, todo["completed_at"] is None, todo["deleted_at"] is None)


def outcome(status: int, answer: dict[str, Any]) -> tuple[object, ...]:
    """Return what a call was answered, or an operation of a bulk."""
    if status == 204:
        return (status,)
    if status < 300:
        return (status, *of(answer))
    current = of(answer["current"]) if isinstance(answer.get("current"), dict) else answer.get("current")
    return status, answer["code"], answer["detail"], answer.get("errors"), answer.get("limit"), current


def stored(state: dict[str, Any]) -> tuple[object, ...]:
    """Return what of all that is stored two owners can have alike."""
    todos, tombstones = json.loads(state["todos"] or "[]"), json.loads(state["tombstones"] or "[]")
    counter = json.loads(state["counter"] or "{}")
    return (
        [(one["seq"], of(one), one["search_text"], one["title_key"]) for one in todos],
        [(one["seq"], one["id"] in IDS) for one in tombstones],
        {name: counter.get(name, 0) for name in ("seq", "live_count", "trash_count")},
    )


async def one_by_one(caller: Caller, operations: list[Operation]) -> list[tuple[object, ...]]:
    """Send the operations as single calls and return their outcomes."""
    answers = [await alone(caller, operation) for operation in operations]
    return [outcome(answer.status_code, answer.json() if answer.content else {}) for answer in answers]


class TestABulk:
    @MANY
    @given(before=st.lists(OPERATIONS, max_size=6), operations=st.lists(OPERATIONS, min_size=1, max_size=12))
    async def test_equals_the_single_calls_in_its_order(self, small, state, before, operations):
        """An independent one in all it answers and stores; an atomic one too, or it changes nothing, not even seq."""
        name = uuid4()
        callers = [Caller(small, f"{one}-{name}") for one in ("ada", "grace", "lin")]
        async with callers[0] as ada, callers[1] as grace, callers[2] as lin:
            for caller in callers:
                await one_by_one(caller, before)
            was = await state(lin)

            expected = await one_by_one(ada, operations)
            independent = await send(grace, *operations)
            atomic = await send(lin, *operations, mode="atomic")

            results = independent.json()["results"]
            assert [outcome(one["status"], one.get("todo") or one.get("problem")) for one in results] == expected
            assert stored(await state(grace)) == stored(await state(ada))
            head = json.loads((await state(grace))["counter"])["seq"]
            assert int(independent.headers["X-Sync-Seq"]) == head
            failed = [(index, one) for index, one in enumerate(expected) if one[0] >= 400]
            if failed:
                errors = atomic.json()["errors"]
                assert [(one["index"], outcome(one["status"], one)) for one in errors] == failed
                assert await state(lin) == was
            else:
                assert atomic.json()["results"][-1]["status"] == expected[-1][0]
                assert stored(await state(lin)) == stored(await state(ada))
