"""What `GET /changes` answers, and whom."""

from uuid import uuid4

import pytest

from shared.caller import InsufficientScope
from tests.todo_service.changes.answers import changes, shape
from tests.todo_service.harness import assert_problem
from tests.todo_service.plans import scan_of
from tests.todo_service.stored import row
from todo_service.changes.feed.sync_token import LARGEST


class TestWhoMayFollow:
    @pytest.mark.parametrize("path", ["/changes", "/changes/"])
    async def test_needs_a_token(self, nobody, path):
        """Without an access token the answer is 401."""
        response = await nobody.get(path)

        assert (response.status_code, response.json()["code"]) == (401, "missing_token")

    async def test_needs_its_scope(self, client_for):
        """A token that names scopes must name `todos:read`."""
        assert_problem(await client_for("ada", scope="todos:write").get("/changes"), InsufficientScope)
        assert (await client_for("ada", scope="todos:read").get("/changes")).status_code == 200

    async def test_sees_only_their_own(self, ada, grace):
        """Nobody hears of another user's todos."""
        await ada.new("mine")

        assert (await changes(grace))["changes"] == []

    async def test_is_not_kept(self, ada):
        """An answer is for this caller and this moment."""
        response = await ada.get("/changes")

        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["Vary"] == "Authorization"

    async def test_head_is_a_get_without_a_body(self, ada):
        """HEAD answers as GET does."""
        response = await ada.head("/changes")

        assert (response.status_code, response.headers["Content-Type"]) == (200, "application/json")


class TestABeginning:
    async def test_of_somebody_without_todos_is_empty(self, ada):
        """There is a token all the same, and it goes on to the first todo."""
        answer = await changes(ada)
        todo = await ada.new()

        following = await changes(ada, since=answer["next"])

        assert (answer["changes"], answer["has_more"]) == ([], False)
        assert shape(following) == [("upsert", todo["id"], 1)]

    async def test_shows_todos_as_they_are_everywhere(self, ada):
        """`data` is the todo as a GET shows it."""
        todo = await ada.new('Ünïcode "quoted"', description="a\nb", completed=True)

        [change] = (await changes(ada))["changes"]

        assert change == {"kind": "todo", "op": "upsert", "id": todo["id"], "seq": 1, "data": todo}

    async def test_walks_in_pages(self, ada):
        """`has_more` says to go on; each todo comes once, the one changed last at the end."""
        todos = [await ada.new(str(number)) for number in range(5)]
        await ada.patch(f"/todos/{todos[0]['id']}", json={"title": "changed"})

        pages, since = [], {}
        while not pages or pages[-1]["has_more"]:
            pages.append(await changes(ada, limit=2, **since))
            since = {"since": pages[-1]["next"]}

        ids = [change["id"] for page in pages for change in page["changes"]]
        assert [len(page["changes"]) for page in pages] == [2, 2, 1]
        assert ids == [todo["id"] for todo in todos[1:] + todos[:1]]

    async def test_leaves_out_what_was_deleted_before(self, ada):
        """Neither the trash nor what is gone for good is news to a newcomer."""
        gone, trashed, kept = [await ada.new(title) for title in ("gone", "trashed", "kept")]
        await ada.delete(f"/todos/{gone['id']}?permanent=true")
        await ada.delete(f"/todos/{trashed['id']}")

        assert shape(await changes(ada)) == [("upsert", kept["id"], 3)]

    async def test_hears_what_is_deleted_while_it_walks(self, ada):
        """What a page has shown and is deleted before the next one comes as a `delete`."""
        first, second, third = [await ada.new(title) for title in ("first", "second", "third")]
        page = await changes(ada, limit=1)
        await ada.delete(f"/todos/{first['id']}?permanent=true")
        await ada.delete(f"/todos/{third['id']}")

        following = await changes(ada, since=page["next"])

        expected = [("upsert", second["id"], 2), ("delete", first["id"], 4), ("delete", third["id"], 5)]
        assert shape(following) == expected

    async def test_shows_the_trash_to_who_asks(self, ada):
        """Then a trashed todo is an `upsert` with `deleted_at`, here and in all that follows."""
        trashed, kept = await ada.new("trashed"), await ada.new("kept")
        await ada.delete(f"/todos/{trashed['id']}")

        answer = await changes(ada, include_trash="true")
        await ada.delete(f"/todos/{kept['id']}")
        following = await changes(ada, since=answer["next"])

        assert shape(answer) == [("upsert", kept["id"], 2), ("upsert", trashed["id"], 3)]
        assert [change["data"]["deleted_at"] is None for change in answer["changes"]] == [True, False]
        assert shape(following) == [("upsert", kept["id"], 4)]
        assert following["changes"][0]["data"]["deleted_at"] is not None


class TestGoingOn:
    async def test_tells_each_change_once_at_its_latest(self, ada):
        """Two changes of one todo are one entry; the number is that of `X-Sync-Seq`."""
        todo, since = await ada.new(), (await changes(ada))["next"]
        await ada.patch(f"/todos/{todo['id']}", json={"title": "a"})
        response = await ada.patch(f"/todos/{todo['id']}", json={"title": "b"})

        answer = await changes(ada, since=since)

        assert shape(answer) == [("upsert", todo["id"], int(response.headers["X-Sync-Seq"]))]
        assert answer["changes"][0]["data"] == response.json()

    async def test_is_quiet_when_nothing_happened(self, ada):
        """The token stays the same, so that it may be compared."""
        await ada.new()
        since = (await changes(ada))["next"]

        assert await changes(ada, since=since) == {"changes": [], "next": since, "has_more": False}

    async def test_tells_of_trash_restore_and_removal(self, ada):
        """To who does not show the trash: a `delete`, an `upsert`, a `delete`."""
        todo, since = await ada.new(), (await changes(ada))["next"]
        path, seen = f"/todos/{todo['id']}", []

        for method, address in (("DELETE", path), ("POST", f"{path}/restore"), ("DELETE", f"{path}?permanent=true")):
            await ada.request(method, address)
            answer = await changes(ada, since=since)
            since, seen = answer["next"], seen + shape(answer)

        assert seen == [("delete", todo["id"], 2), ("upsert", todo["id"], 3), ("delete", todo["id"], 4)]

    async def test_tells_a_removal_once(self, ada):
        """A tombstone is passed like any other change."""
        todo, since = await ada.new(), (await changes(ada))["next"]
        await ada.delete(f"/todos/{todo['id']}?permanent=true")

        told = await changes(ada, since=since)

        assert shape(told) == [("delete", todo["id"], 2)]
        assert (await changes(ada, since=told["next"]))["changes"] == []

    async def test_reads_no_more_than_a_page(self, app, client_for, table):
        """Both halves come from the index of their numbers, however much there is."""
        ada = client_for("ada")
        await table.execute("INSERT INTO user_streams (user_id, epoch, seq) VALUES ($1, $2, 500)", ada.user_id, uuid4())
        rows = [{**row(ada.user_id), "seq": number} for number in range(1, 501)]
        await table.executemany(
            f"INSERT INTO todos ({', '.join(rows[0])}) VALUES ({', '.join(f'${i + 1}' for i in range(len(rows[0])))})",
            [list(one.values()) for one in rows],
        )
        await table.execute("ANALYZE todos")
        mark = len(app.state.watch.statements)
        assert len((await changes(ada, limit=20))["changes"]) == 20
        [statement] = await app.state.watch.since(mark)

        # The parameters in the order of their numbers, as the service gives them.
        scan = await scan_of("todos", table, statement, False, ada.user_id, 0, LARGEST, 21, 1)

        assert scan.index == "todos_sync"
        assert scan.rows <= 21

    async def test_costs_one_statement(self, app, ada):
        """Counter and rows are of one moment."""
        since = (await changes(ada))["next"]
        await ada.new()
        mark = len(app.state.watch.statements)

        await changes(ada, since=since)

        assert len(await app.state.watch.since(mark)) == 1
