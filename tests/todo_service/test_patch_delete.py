"""Changing and deleting: only what was sent changes, and what did not change is not written."""

import asyncio

import pytest

from shared.problems import Unprocessable
from tests.todo_service.harness import assert_problem
from todo_service.todos.errors import ReadOnlyField, TodoNotFound

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
NEW = {"title": "Buy oat milk", "description": "one litre", "completed": True, "priority": 5}


class TestPatching:
    @pytest.mark.parametrize("field", NEW)
    async def test_changes_that_field_and_no_other(self, ada, field):
        """A sent field gets its value, the others keep theirs, and `updated_at` moves."""
        todo = await ada.new(description="two litres")

        response = await ada.patch(f"/todos/{todo['id']}", json={field: NEW[field]})

        changed = response.json()
        assert response.status_code == 200
        assert changed[field] == NEW[field]
        derived = {field, "updated_at", "version", *(["completed_at"] if field == "completed" else [])}
        assert {name for name in todo if changed[name] != todo[name]} == derived
        assert (await ada.get(f"/todos/{todo['id']}")).json() == changed

    async def test_null_clears_the_description(self, ada):
        """It is the one field that may be null."""
        todo = await ada.new(description="two litres")

        assert (await ada.patch(f"/todos/{todo['id']}", json={"description": None})).json()["description"] is None

    @pytest.mark.parametrize("field", ["title", "completed", "priority"])
    async def test_null_is_no_value_of_other_fields(self, ada, field):
        """It is refused, and changes nothing."""
        todo = await ada.new()

        response = await ada.patch(f"/todos/{todo['id']}", json={field: None, "description": "x"})

        assert assert_problem(response, Unprocessable)["errors"][0]["loc"] == ["body", field]
        assert (await ada.get(f"/todos/{todo['id']}")).json() == todo

    async def test_completion_has_a_time(self, ada):
        """It is set when the todo is completed, stays, and goes when the todo is opened again."""
        todo = await ada.new()

        completed = (await ada.patch(f"/todos/{todo['id']}", json={"completed": True})).json()
        renamed = (await ada.patch(f"/todos/{todo['id']}", json={"completed": True, "title": "y"})).json()
        opened = (await ada.patch(f"/todos/{todo['id']}", json={"completed": False})).json()

        assert completed["completed_at"] == completed["updated_at"]
        assert renamed["completed_at"] == completed["completed_at"]
        assert opened["completed_at"] is None

    @pytest.mark.parametrize("echo", [False, True])
    async def test_what_changes_nothing_writes_nothing(self, app, ada, echo):
        """An empty patch and an echo of the whole object answer 200 and leave `updated_at` alone."""
        todo = await ada.new(description="two litres", completed=True)
        mark = len(app.state.watch.statements)

        response = await ada.patch(f"/todos/{todo['id']}", json=todo if echo else {})

        assert (response.status_code, response.json()) == (200, todo)
        assert [statement for statement in await app.state.watch.since(mark) if "UPDATE todos" in statement] == []

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("id", "019ab1c2-7d3e-7b5a-9c40-5f0d8a3b6e21"), ("user_id", "me"),
            ("created_at", "2020-01-01T00:00:00Z"), ("updated_at", "2020-01-01T00:00:00.000Z"),
            ("completed_at", "2020-01-01T00:00:00Z"), ("deleted_at", "2020-01-01T00:00:00Z"),
        ],
    )  # fmt: skip
    async def test_read_only_fields_cannot_be_changed(self, ada, field, value):
        """Another value for one is 422, and the rest of the patch is not applied either."""
        todo = await ada.new()

        response = await ada.patch(f"/todos/{todo['id']}", json={field: value, "title": "changed"})

        assert assert_problem(response, ReadOnlyField)["errors"][0]["loc"] == ["body", field]
        assert await ada.titles() == ["Buy milk"]

    async def test_refuses_unknown_fields(self, ada):
        """A misspelt field would otherwise be lost in silence."""
        todo = await ada.new()

        response = await ada.patch(f"/todos/{todo['id']}", json={"prioritty": 1})

        assert assert_problem(response, Unprocessable)["errors"][0]["loc"] == ["body", "prioritty"]

    async def test_takes_a_merge_patch(self, ada):
        """RFC 7396's own media type is welcome."""
        todo = await ada.new()

        response = await ada.patch(f"/todos/{todo['id']}", content=b'{"priority": 1}', headers=MERGE_PATCH)

        assert response.json()["priority"] == 1

    async def test_two_devices_that_change_different_fields_both_survive(self, ada):
        """However they meet."""
        todo = await ada.new()
        changes = [{"title": "y"}, {"priority": 1}, {"description": "z"}, {"completed": True}]

        answers = await asyncio.gather(*(ada.patch(f"/todos/{todo['id']}", json=change) for change in changes))

        assert {answer.status_code for answer in answers} == {200}
        now = (await ada.get(f"/todos/{todo['id']}")).json()
        assert all(now.items() >= change.items() for change in changes)

    async def test_a_new_title_is_found_and_sorted(self, ada):
        """What search and sorting look at changes with it."""
        todo = await ada.new("zebra", description="stripes")
        await ada.new("monkey")

        await ada.patch(f"/todos/{todo['id']}", json={"title": "Äpfel", "description": None})

        assert await ada.titles("search=apfel") == ["Äpfel"]
        assert await ada.titles("search=stripes") == []
        assert await ada.titles("sort=title") == ["Äpfel", "monkey"]


class TestDeleting:
    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_removes_the_todo(self, ada, slash):
        """The answer is 204 without a body; the second time it is 404."""
        todo = await ada.new()

        response = await ada.delete(f"/todos/{todo['id']}{slash}")

        assert (response.status_code, response.content) == (204, b"")
        assert_problem(await ada.delete(f"/todos/{todo['id']}"), TodoNotFound)
        assert_problem(await ada.patch(f"/todos/{todo['id']}", json={}), TodoNotFound)
        assert await ada.titles() == []
