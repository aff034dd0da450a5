"""Which tokens the feed goes on from, which it sends back to the beginning, and which are none."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from uuid import uuid4

import pytest

from shared.problems import Unprocessable
from tests.todo_service.changes.answers import changes, shape
from tests.todo_service.harness import assert_problem
from todo_service.changes.feed.errors import SyncReset
from todo_service.changes.feed.sync_token import SyncToken
from todo_service.todos.errors import InvalidCursor


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

    async def test_follows_a_walk_from_the_future(self, ada, table):
        """Also half-way through a first walk, from where the new deletions would pass for old ones."""
        for _ in range(3):
            await ada.new()
        since = (await changes(ada, limit=1))["next"]
        await table.execute("UPDATE user_streams SET seq = 2 WHERE user_id = $1", ada.user_id)

        assert_problem(await ada.get("/changes", params={"since": since}), SyncReset)

    async def test_follows_a_token_older_than_the_tombstones(self, ada, table):
        """Whoever may have missed a deletion begins anew; whoever saw it, or began after it, goes on."""
        first, todo, other = [await ada.new() for _ in range(3)]
        before = (await changes(ada))["next"]
        await ada.delete(f"/todos/{todo['id']}?permanent=true")
        walking, after = await changes(ada, limit=1), (await changes(ada))["next"]
        await ada.patch(f"/todos/{other['id']}", json={"title": "changed"})
        await table.execute("DELETE FROM tombstones WHERE user_id = $1", ada.user_id)
        await table.execute("UPDATE user_streams SET purged_seq = 4 WHERE user_id = $1", ada.user_id)

        assert_problem(await ada.get("/changes", params={"since": before}), SyncReset)
        assert shape(walking) == [("upsert", first["id"], 1)]
        for since in (walking["next"], after):
            assert shape(await changes(ada, since=since)) == [("upsert", other["id"], 5)]

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
