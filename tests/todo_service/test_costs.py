"""What each call costs: statements, Redis commands, rows read. A regression here is a regression everywhere."""

import re
from datetime import timedelta

import pytest

from tests.servers import Valkey
from tests.todo_service.plans import scan_of
from tests.todo_service.stored import START, row, store

OF_NO_REQUEST = {
    "outbox_due", "todos_purge", "tombstones_purge", "idempotency_keys_purge", "event_tickets_purge",
    "user_streams_purge", "pk_stream_positions", "alembic_version_pkc",
}  # fmt: skip


@pytest.fixture
def commands(valkey: Valkey):
    """Call it to forget what Valkey was asked; what it returns then tells how often each command came since."""
    assert valkey.ask("CONFIG RESETSTAT").startswith("+OK")

    def asked() -> dict[str, int]:
        stats = dict(re.findall(r"cmdstat_(\w+):calls=(\d+)", valkey.ask("INFO commandstats")))
        # Those inside the scripts are counted too, but cost no round trip.
        return {name: int(calls) for name, calls in stats.items() if name in {"evalsha", "eval", "del", "get", "set"}}

    return asked


class TestStatements:
    async def test_of_a_create(self, app, ada):
        """One, for the todo and its event."""
        mark = len(app.state.watch.statements)

        await ada.new()

        [statement] = await app.state.watch.since(mark)
        assert "INSERT INTO todos" in statement
        assert "INSERT INTO outbox" in statement

    async def test_of_a_create_with_a_key(self, app, ada):
        """Four: take the lock, look for the key, write, store the answer. A replay is the first two."""
        await ada.new()
        mark = len(app.state.watch.statements)

        await ada.post("/todos", json={"title": "x"}, headers={"Idempotency-Key": "k"})
        first = len(await app.state.watch.since(mark))
        await ada.post("/todos", json={"title": "x"}, headers={"Idempotency-Key": "k"})

        assert (first, len(await app.state.watch.since(mark))) == (4, 6)

    @pytest.mark.parametrize(("method", "statements"), [("GET", 1), ("PATCH", 3), ("DELETE", 3)])
    async def test_of_a_call_on_one(self, app, ada, method, statements):
        """One to read; to change and to delete: take the lock, look, write."""
        todo = await ada.new()
        body = {"title": "other"} if method == "PATCH" else None
        mark = len(app.state.watch.statements)

        await ada.request(method, f"/todos/{todo['id']}", json=body)

        assert len(await app.state.watch.since(mark)) == statements

    @pytest.mark.needs_redis("a hit")
    async def test_of_a_list(self, app, ada):
        """One for a page, with or without its total; none for a hit."""
        await ada.new()
        mark = len(app.state.watch.statements)

        await ada.get("/todos?count=exact")
        missed = len(await app.state.watch.since(mark))
        await ada.get("/todos?count=exact")

        assert (missed, len(await app.state.watch.since(mark))) == (1, 1)


@pytest.mark.needs_redis("counts its commands")
class TestRedisCommands:
    async def test_of_a_hit_is_one(self, app, ada, valkey):
        """READ, and nothing else."""
        await ada.get("/todos")
        await ada.get("/todos")
        assert valkey.ask("CONFIG RESETSTAT").startswith("+OK")

        await ada.get("/todos")

        assert "cmdstat_evalsha:calls=1," in valkey.ask("INFO commandstats")
        assert "cmdstat_hset:" not in valkey.ask("INFO commandstats")

    async def test_of_a_write_is_one(self, ada, commands):
        """CLEAR."""
        await ada.new()

        assert commands() == {"del": 1}

    async def test_of_a_search_is_none(self, ada, commands):
        """Searches come once and are not kept."""
        await ada.titles("search=milk")

        assert commands() == {}

    async def test_scripts_are_sent_once(self, ada, valkey):
        """A Redis that has lost them gets them again, and every call goes by their digests after that."""
        valkey.ask("SCRIPT FLUSH")
        assert await ada.titles() == []

        assert await ada.titles() == []
        assert "cmdstat_eval:" in valkey.ask("INFO commandstats")


class TestPlans:
    async def test_the_default_list_reads_its_page_from_the_index(self, ada, uncached, client_for, table):
        """Whatever the owner has, `limit + 1` rows are read; so it is for a page by cursor."""
        rows = [row(ada.user_id, created_at=START + timedelta(seconds=n)) for n in range(500)]
        await store(table, rows)
        await table.execute("ANALYZE todos")
        reader = client_for("ada", on=uncached)
        mark = len(uncached.state.watch.statements)

        cursor = (await reader.get("/todos?limit=20")).headers["X-Next-Cursor"]
        await reader.get(f"/todos?limit=20&cursor={cursor}")

        first, second = await uncached.state.watch.since(mark)
        for statement, extra in ((first, ()), (second, (rows[400]["created_at"], rows[400]["id"]))):
            scan = await scan_of("todos", table, statement, 20, ada.user_id, *extra, 21, 0)
            assert scan.index == "todos_list"
            assert scan.rows <= 21

    async def test_requests_have_indexes_of_their_owner(self, table):
        """Every index starts with `user_id`, but those of the relay and the sweeps, which are no requests."""
        indexes = await table.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")

        others = {one["indexname"] for one in indexes if not re.search(r"\(user_id[,)]", one["indexdef"])}
        assert others == OF_NO_REQUEST
