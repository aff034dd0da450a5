"""What `GET /changes` answers, and whom."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from uuid import uuid4

import pytest

from shared.caller import InsufficientScope
from shared.problems import Unprocessable
from tests.todo_service.harness import assert_problem
from todo_service.changes.feed.errors import SyncReset
from todo_service.changes.feed.sync_token import SyncToken
from todo_service.todos.errors import InvalidCursor


async def changes(caller, **params) -> dict:
    """Return one answer."""
    response = await caller.get("/changes", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def shape(answer: dict) -> list[tuple[str, str, int]]:
    """Return the operations of an answer, with what they are about and their numbers."""
    return [(change["op"], change["id"], change["seq"]) for change in answer["changes"]]


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

    async def test_costs_one_statement(self, app, ada):
        """Counter and rows are of one moment."""
        since = (await changes(ada))["next"]
        await ada.new()
        mark = len(app.state.watch.statements)

        await changes(ada, since=since)

        assert len(await app.state.watch.since(mark)) == 1


class TestAReset:
    async def test_follows_a_new_epoch(self, ada, table):
        """After a restored backup every token is void."""
        await ada.new()
        since = (await changes(ada))["next"]
        await table.execute("UPDATE user_streams SET epoch = $2 WHERE user_id = $1", ada.user_id, uuid4())

        assert_problem(await ada.get("/changes", params={"since": since}), SyncReset)

    async def test_follows_the_token_of_somebody_else(self, ada, grace):
        """Another account in the same browser begins anew, and nothing of either is mixed."""
        await ada.new()
        await grace.new()

        response = await grace.get("/changes", params={"since": (await changes(ada))["next"]})

        assert_problem(response, SyncReset)

    async def test_follows_a_token_from_the_future(self, ada, table):
        """A database that has forgotten numbers has forgotten changes."""
        for _ in range(3):
            await ada.new()
        since = (await changes(ada))["next"]
        await table.execute("UPDATE user_streams SET seq = 2 WHERE user_id = $1", ada.user_id)

        assert_problem(await ada.get("/changes", params={"since": since}), SyncReset)

    async def test_follows_a_token_older_than_the_tombstones(self, ada, table):
        """Whoever may have missed a deletion begins anew; whoever saw it, or began after it, goes on."""
        todo, other = await ada.new(), await ada.new()
        before = (await changes(ada))["next"]
        await ada.delete(f"/todos/{todo['id']}?permanent=true")
        walking, after = (await changes(ada, limit=1))["next"], (await changes(ada))["next"]
        await ada.patch(f"/todos/{other['id']}", json={"title": "changed"})
        await table.execute("DELETE FROM tombstones WHERE user_id = $1", ada.user_id)
        await table.execute("UPDATE user_streams SET purged_seq = 3 WHERE user_id = $1", ada.user_id)

        assert_problem(await ada.get("/changes", params={"since": before}), SyncReset)
        for since in (walking, after):
            assert shape(await changes(ada, since=since)) == [("upsert", other["id"], 4)]

    async def test_spares_who_has_nothing(self, ada, table):
        """The token of an empty feed is good for ever: there is no copy that could be wrong."""
        since = (await changes(ada))["next"]
        todo = await ada.new()
        purged = "UPDATE user_streams SET epoch = $2, purged_seq = 1 WHERE user_id = $1"
        await table.execute(purged, ada.user_id, uuid4())

        assert shape(await changes(ada, since=since)) == [("upsert", todo["id"], 1)]


class TestBadInput:
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=+5", "limit"),
            ("limit=5&limit=5", "limit"),
            ("include_trash=1", "include_trash"),
            ("sinse=x", "sinse"),
            ("since=x&since=y", "since"),
            ("since=x&include_trash=true", "include_trash"),
        ],
    )
    async def test_is_named(self, ada, query, field):
        """What is unknown, repeated or out of range is 422."""
        body = assert_problem(await ada.get(f"/changes?{query}"), Unprocessable)

        assert body["errors"][0]["loc"] == ["query", field]

    async def test_every_changed_token_is_refused(self, ada):
        """Whichever character is lost or different, nobody goes on from a wrong place."""
        await ada.new()
        token = (await changes(ada))["next"]
        places = range(0, len(token), 7)
        broken = [token[:i] + ("A" if token[i] != "A" else "B") + token[i + 1 :] for i in places]
        broken += [token[:-1], token + "A", token + "=", token + "AAAA", "", "e30", "%00", "A" * 5000]

        for since in broken:
            assert_problem(await ada.get("/changes", params={"since": since}), InvalidCursor)

    @pytest.mark.parametrize(
        "change",
        [{"v": 2}, {"e": "x"}, {"e": 7}, {"s": -1}, {"s": True}, {"s": 2**63}, {"s": "1"}, {"h": None}, {"t": 1}],
    )
    async def test_a_token_of_nobodys_making_is_refused(self, ada, change):
        """Also one whose sum is right."""
        token = SyncToken(uuid4(), 1, 1)
        packed = urlsafe_b64decode(token.encode() + "==")[:-4]
        content = json.dumps(json.loads(packed) | change, separators=(",", ":")).encode()
        since = _sealed(content)

        assert _sealed(packed) == token.encode()
        assert_problem(await ada.get("/changes", params={"since": since}), InvalidCursor)

    async def test_a_cursor_of_a_list_is_no_token(self, ada):
        """Cursors and tokens are not mixed up."""
        await ada.new()
        await ada.new()
        cursor = (await ada.get("/todos?limit=1")).headers["X-Next-Cursor"]

        assert_problem(await ada.get("/changes", params={"since": cursor}), InvalidCursor)


def _sealed(packed: bytes) -> str:
    return urlsafe_b64encode(packed + sha256(packed).digest()[:4]).rstrip(b"=").decode()
