"""The trash: what is deleted can be restored, until it is deleted for good."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.todo_service.harness import assert_problem
from todo_service.sweeps import sweep_tombstones, sweep_trash
from todo_service.todos.errors import CursorMismatch, IdTaken, SkipAndCursor, StaleVersion, TodoNotFound

COUNTER = "SELECT seq, live_count, trash_count, purged_seq FROM user_streams WHERE user_id = $1"
TOMBSTONES = "SELECT id, seq FROM tombstones WHERE user_id = $1 ORDER BY seq"


async def counted(table, caller) -> tuple[int, int, int]:
    """Return the caller's counter: the latest number, and how many todos are live and in the trash."""
    row = await table.fetchrow(COUNTER, caller.user_id)
    stored = await table.fetchrow(
        "SELECT count(*) FILTER (WHERE deleted_at IS NULL), count(deleted_at) FROM todos WHERE user_id = $1",
        caller.user_id,
    )
    assert (row["live_count"], row["trash_count"]) == tuple(stored)
    return row["seq"], row["live_count"], row["trash_count"]


async def trashed(caller, *titles: str) -> list[str]:
    """Create todos and delete them, one after the other; return their ids."""
    ids = [(await caller.new(title))["id"] for title in titles]
    for todo_id in ids:
        assert (await caller.delete(f"/todos/{todo_id}")).status_code == 204
    return ids


class TestDeleting:
    async def test_moves_to_the_trash(self, ada, table):
        """The todo is as it was, with a time of deletion and the next version, and lists do not show it."""
        todo = await ada.new()

        await ada.delete(f"/todos/{todo['id']}")

        [found] = (await ada.get("/trash")).json()
        assert found == {**todo, "version": 2, "deleted_at": found["deleted_at"]}
        assert found["deleted_at"] is not None
        assert await ada.titles() == []
        assert await counted(table, ada) == (2, 0, 1)

    async def test_keeps_the_id_taken(self, ada):
        """A create with it is refused and shows where the todo is."""
        [todo_id] = await trashed(ada, "a")

        response = await ada.post("/todos", json={"title": "again", "id": todo_id})

        assert assert_problem(response, IdTaken)["current"]["deleted_at"] is not None

    @pytest.mark.parametrize("first", [True, False])
    async def test_for_good_leaves_a_tombstone(self, ada, table, first):
        """From the trash or at once, with a number of its own."""
        todo = await ada.new()
        if first:
            await ada.delete(f"/todos/{todo['id']}")

        response = await ada.delete(f"/todos/{todo['id']}/?permanent=true")

        head = 3 if first else 2
        assert (response.status_code, response.headers["X-Sync-Seq"]) == (204, str(head))
        assert (await ada.get("/trash")).json() == []
        assert [tuple(map(str, one)) for one in await table.fetch(TOMBSTONES, ada.user_id)] == [(todo["id"], str(head))]
        assert await counted(table, ada) == (head, 0, 0)
        assert_problem(await ada.delete(f"/todos/{todo['id']}?permanent=true"), TodoNotFound)

    async def test_for_good_sets_the_id_free(self, ada, table):
        """A todo that takes it takes the place of the tombstone, too."""
        [todo_id] = await trashed(ada, "a")
        await ada.delete(f"/todos/{todo_id}?permanent=true")

        await ada.new("again", id=todo_id)

        assert await ada.titles() == ["again"]
        assert await table.fetch(TOMBSTONES, ada.user_id) == []

    @pytest.mark.parametrize("condition", [{"If-Match": '"1"'}, {"If-Match": '"2"'}, {"If-Match": '"3"'}])
    async def test_a_new_todo_under_the_id_has_no_version_of_the_old(self, ada, condition):
        """Who still holds a tag of the one that is gone neither overwrites the new one nor takes it for the old."""
        [todo_id] = await trashed(ada, "old")
        path = f"/todos/{todo_id}"
        await ada.delete(f"{path}?permanent=true")

        new = await ada.new("new", id=todo_id)

        assert new["version"] == 4
        assert_problem(await ada.patch(path, json={"title": "x"}, headers=condition), StaleVersion)
        read = await ada.get(path, headers={"If-None-Match": condition["If-Match"]})
        assert (read.status_code, read.json()) == (200, new)

    @pytest.mark.parametrize(
        "query",
        ["permanent=yes", "permanent=1", "permanent=True", "permanent=", "permanant=true", "permanent=true&x=1"],
    )
    async def test_for_good_is_not_guessed(self, ada, query):
        """Only `true` and `false` are understood, and no other parameter."""
        todo = await ada.new()

        assert (await ada.delete(f"/todos/{todo['id']}?{query}")).status_code == 422
        assert (await ada.delete(f"/todos/{todo['id']}?permanent=false&permanent=true")).status_code == 422
        assert await ada.titles() == ["Buy milk"]


class TestRestoring:
    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_brings_the_todo_back_as_it_was(self, ada, table, slash):
        """Only its version has moved on."""
        todo = await ada.new(description="two litres", completed=True)
        await ada.delete(f"/todos/{todo['id']}")

        response = await ada.post(f"/todos/{todo['id']}/restore{slash}")

        assert (response.status_code, response.json()) == (200, {**todo, "version": 3})
        assert (await ada.get("/todos")).json() == [response.json()]
        assert await counted(table, ada) == (3, 1, 0)

    async def test_a_live_todo_stays_as_it_is(self, ada, table):
        """200, and nothing is written."""
        todo = await ada.new()

        assert (await ada.post(f"/todos/{todo['id']}/restore")).json() == todo
        assert await counted(table, ada) == (1, 1, 0)

    async def test_a_strangers_is_missing(self, ada, grace):
        """As one that never was."""
        [todo_id] = await trashed(ada, "a")

        assert_problem(await grace.post(f"/todos/{todo_id}/restore"), TodoNotFound)
        assert_problem(await grace.delete(f"/todos/{todo_id}?permanent=true"), TodoNotFound)
        assert_problem(await ada.post(f"/todos/{uuid4()}/restore"), TodoNotFound)


class TestListing:
    async def test_the_latest_to_be_deleted_comes_first(self, ada):
        """A page at a time, by cursor or by skip, with the total if that is asked for."""
        await ada.new("live")
        await trashed(ada, "a", "b", "c")

        first = await ada.get("/trash?limit=2&count=exact")
        rest = await ada.get(first.links["next"]["url"])
        skipped = await ada.get("/trash/?skip=1&limit=1")

        assert [todo["title"] for todo in first.json() + rest.json()] == ["c", "b", "a"]
        assert (first.headers["X-Total-Count"], rest.links) == ("3", {})
        assert [todo["title"] for todo in skipped.json()] == ["b"]

    @pytest.mark.parametrize("query", ["completed=true", "sort=title", "search=a", "limit=0", "limit=1&limit=2"])
    async def test_takes_no_filters(self, ada, query):
        """They are refused, not ignored."""
        assert (await ada.get(f"/trash?{query}")).status_code == 422

    async def test_cursors_of_other_lists_are_refused(self, ada):
        """And so are two beginnings."""
        await trashed(ada, "a", "b")
        await ada.new("c")
        await ada.new("d")
        of_list = (await ada.get("/todos?limit=1")).headers["X-Next-Cursor"]
        of_trash = (await ada.get("/trash?limit=1")).headers["X-Next-Cursor"]

        assert_problem(await ada.get(f"/trash?cursor={of_list}"), CursorMismatch)
        assert_problem(await ada.get(f"/todos?cursor={of_trash}"), CursorMismatch)
        assert_problem(await ada.get(f"/trash?skip=1&cursor={of_trash}"), SkipAndCursor)

    async def test_a_stranger_sees_their_own(self, ada, grace):
        """Each has a trash."""
        await trashed(ada, "a")

        assert (await grace.get("/trash")).json() == []


class TestEmptying:
    async def test_leaves_a_numbered_tombstone_for_each(self, ada, grace, table):
        """The oldest first; live todos and other people's stay."""
        await ada.new("live")
        ids = await trashed(ada, "a", "b")
        await trashed(grace, "hers")

        response = await ada.delete("/trash")

        assert (response.status_code, response.json()) == (200, {"removed": 2, "remaining": 0})
        assert response.headers["X-Sync-Seq"] == "7"
        assert [(str(one["id"]), one["seq"]) for one in await table.fetch(TOMBSTONES, ada.user_id)] == [
            (ids[0], 6),
            (ids[1], 7),
        ]
        assert await ada.titles() == ["live"]
        assert len((await grace.get("/trash")).json()) == 1
        assert await counted(table, ada) == (7, 1, 0)

    @pytest.mark.parametrize("path", ["/trash?limit=1", "/trash/?id=x"])
    async def test_takes_no_parameters(self, ada, path):
        """Who means to empty a part of it does not lose the whole."""
        await trashed(ada, "a")

        assert (await ada.delete(path)).status_code == 422
        assert len((await ada.get("/trash")).json()) == 1

    async def test_an_empty_one_takes_no_number(self, ada, table):
        """Nothing happened."""
        await ada.new()

        assert (await ada.delete("/trash/")).json() == {"removed": 0, "remaining": 0}
        assert await counted(table, ada) == (1, 1, 0)


class TestSweeping:
    async def test_old_trash_goes_for_good(self, app, ada, table):
        """What is there for more than thirty days; each leaves a tombstone with a new number."""
        old, new = await trashed(ada, "old", "new")
        long_ago = datetime.now(UTC) - timedelta(days=31)
        await table.execute(
            "UPDATE todos SET deleted_at = $1 WHERE user_id = $2 AND id = $3", long_ago, ada.user_id, old
        )

        removed = await sweep_trash(app.state.database.sessions, app.state.writers, timedelta(days=30))

        assert removed == 1
        assert [todo["id"] for todo in (await ada.get("/trash")).json()] == [new]
        assert [(str(one["id"]), one["seq"]) for one in await table.fetch(TOMBSTONES, ada.user_id)] == [(old, 5)]
        assert await counted(table, ada) == (5, 0, 1)

    async def test_two_at_once_remove_each_todo_once(self, app, replica, ada, table):
        """The second finds nothing left."""
        ids = await trashed(ada, *"abcde")
        long_ago = datetime.now(UTC) - timedelta(days=31)
        await table.execute("UPDATE todos SET deleted_at = $1 WHERE user_id = $2", long_ago, ada.user_id)

        removed = await asyncio.gather(
            *(sweep_trash(one.state.database.sessions, one.state.writers, timedelta(days=30)) for one in (app, replica))
        )

        assert sum(removed) == 5
        assert {str(one["id"]) for one in await table.fetch(TOMBSTONES, ada.user_id)} == set(ids)
        assert await counted(table, ada) == (15, 0, 0)

    async def test_old_tombstones_go_and_say_up_to_where(self, app, ada, table):
        """After ninety days; `purged_seq` is the highest that went."""
        await trashed(ada, "a", "b", "c")
        await ada.delete("/trash")
        long_ago = datetime.now(UTC) - timedelta(days=91)
        await table.execute(
            "UPDATE tombstones SET deleted_at = $1 WHERE user_id = $2 AND seq <= 8", long_ago, ada.user_id
        )

        assert await sweep_tombstones(app.state.database.sessions, app.state.writers, timedelta(days=90)) == 2

        assert [one["seq"] for one in await table.fetch(TOMBSTONES, ada.user_id)] == [9]
        assert (await table.fetchrow(COUNTER, ada.user_id))["purged_seq"] == 8

    async def test_a_user_keeps_a_bounded_number_of_tombstones(self, app, ada, table):
        """The oldest go first."""
        await trashed(ada, *"abcd")
        await ada.delete("/trash")

        await sweep_tombstones(app.state.database.sessions, app.state.writers, timedelta(days=90), most=3)

        assert [one["seq"] for one in await table.fetch(TOMBSTONES, ada.user_id)] == [10, 11, 12]
        assert (await table.fetchrow(COUNTER, ada.user_id))["purged_seq"] == 9
