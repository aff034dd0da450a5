"""The counter: who sees a number sees every change up to it, and no number is missing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.todo_service.harness import Caller
from tests.todo_service.held_writes import WAITERS, written
from tests.waiting import until

SNAPSHOT = """
SELECT coalesce((SELECT seq FROM user_streams WHERE user_id = $1), 0) AS head, array(
  SELECT seq FROM todos WHERE user_id = $1 UNION ALL SELECT seq FROM tombstones WHERE user_id = $1 ORDER BY seq
) AS numbers
"""
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "name", "change", "same", "delete", "restore", "bury", "fail"]), st.integers(0, 9)
    ),
    max_size=6,
)


class Refused(Exception):
    """A write that goes wrong after it has taken a number."""


@dataclass
class Numbered:
    """A table whose changes have numbers, in one way or another."""

    hold: Callable[[], AbstractAsyncContextManager[None]]
    """Writes one change and commits it at the end of the block."""
    write: Callable[[], Awaitable[object]]
    since: Callable[[int], Awaitable[list[int]]]

    async def missed(self, is_waiting: Callable[[], Awaitable[bool]]) -> set[int]:
        """Write twice at a time, the first held open; return what a reader who asks from number to number misses."""
        async with self.hold():
            second = asyncio.ensure_future(self.write())

            async def is_settled() -> bool:
                return second.done() or await is_waiting()

            await until(is_settled)
            seen = await self.since(0)
        await second
        seen += await self.since(max(seen, default=0))
        return set(await self.since(0)) - set(seen)


class TestVisibility:
    @pytest.fixture
    async def is_waiting(self, table) -> Callable[[], Awaitable[bool]]:
        """Whether somebody waits for a lock."""

        async def ask() -> bool:
            return bool(await table.fetchval(WAITERS))

        return ask

    @pytest.mark.parametrize("own_id", [True, False])
    async def test_nobody_sees_the_next_number_before_this_one(self, app, ada, table, is_waiting, own_id):
        """While the transaction with N is open, the one that would get N + 1 waits: a reader misses nothing."""

        async def since(seq: int) -> list[int]:
            return [one for one in (await table.fetchrow(SNAPSHOT, ada.user_id))["numbers"] if one > seq]

        changes = Numbered(
            hold=lambda: written(app, ada.user_id),
            write=lambda: ada.new(**({"id": str(uuid4())} if own_id else {})),
            since=since,
        )

        await ada.new()

        assert await changes.missed(is_waiting) == set()
        assert await since(0) == [1, 2, 3]

    async def test_a_sequence_is_seen_to_lose_one(self, table, todo_database_url, is_waiting):
        """The same readers and writers on a `bigserial`: it hands N + 1 out while N cannot be seen, and N is missed."""
        name = f"numbered_{uuid4().hex}"
        await table.execute(f"CREATE TABLE {name} (seq bigserial PRIMARY KEY)")
        one, other = await asyncpg.connect(todo_database_url), await asyncpg.connect(todo_database_url)

        @asynccontextmanager
        async def hold() -> AsyncIterator[None]:
            async with one.transaction():
                await one.execute(f"INSERT INTO {name} DEFAULT VALUES")
                yield

        async def since(seq: int) -> list[int]:
            return [row["seq"] for row in await table.fetch(f"SELECT seq FROM {name} WHERE seq > $1", seq)]

        changes = Numbered(hold, lambda: other.execute(f"INSERT INTO {name} DEFAULT VALUES"), since)
        try:
            assert await changes.missed(is_waiting) == {1}
        finally:
            await one.close()
            await other.close()
            await table.execute(f"DROP TABLE {name}")

    async def test_a_rollback_gives_the_number_back(self, app, ada):
        """The next write takes it."""
        with pytest.raises(Refused):
            async with written(app, ada.user_id):
                raise Refused

        assert (await ada.post("/todos", json={"title": "x"})).headers["X-Sync-Seq"] == "1"


@dataclass
class Notes:
    """What the devices of one user know together."""

    ids: list[str] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)


class Writer:
    """A device of one user: it does as it is told, and notes the numbers that it hears."""

    def __init__(self, caller: Caller, app: FastAPI, notes: "Notes") -> None:
        self._caller, self._app, self._notes = caller, app, notes

    async def do(self, step: str, choice: int) -> None:
        """Take one step, on any todo that a device of the user has made."""
        if step == "fail":
            with pytest.raises(Refused):
                async with written(self._app, self._caller.user_id):
                    raise Refused
            return
        if step in {"create", "name"}:
            body = {"title": "x"} | ({"id": str(uuid4())} if step == "name" else {})
            answer = await self._caller.post("/todos", json=body)
            self._notes.ids.append(answer.json()["id"])
            self._notes.taken.append(int(answer.headers["X-Sync-Seq"]))
            return
        if self._notes.ids:
            await self._touch(step, f"/todos/{self._notes.ids[choice % len(self._notes.ids)]}")

    async def _touch(self, step: str, path: str) -> None:
        ways = {
            "change": ("PATCH", path, {"title": uuid4().hex}),
            "same": ("PATCH", path, {}),
            "delete": ("DELETE", path, None),
            "restore": ("POST", f"{path}/restore", None),
            "bury": ("DELETE", f"{path}?permanent=true", None),
        }
        method, url, body = ways[step]
        answer = await self._caller.request(method, url, json=body)
        assert answer.status_code in {200, 204, 404}, answer.text
        if answer.is_success and step != "same":
            # What is live already is not restored: then the answer tells the latest number and takes none.
            notes = self._notes.told if step == "restore" else self._notes.taken
            notes.append(int(answer.headers["X-Sync-Seq"]))


class TestNumbers:
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(devices=st.lists(STEPS, min_size=3, max_size=3))
    async def test_have_no_gaps_whatever_happens_at_once(self, app, replica, table, todo_database_url, devices):
        """Three devices on two replicas write and fail, two readers look: the latest number is always to be seen."""
        user_id = f"numbers-{uuid4()}"
        notes, faults, done = Notes(), [], asyncio.Event()

        async def work(steps, on: FastAPI) -> None:
            async with Caller(on, user_id) as caller:
                writer = Writer(caller, on, notes)
                for step, choice in steps:
                    await writer.do(step, choice)

        async def look() -> None:
            connection = await asyncpg.connect(todo_database_url)
            latest = 0
            while not done.is_set():
                head, seen = await connection.fetchrow(SNAPSHOT, user_id)
                if head < latest or head != max(seen, default=0) or len(seen) != len(set(seen)):
                    faults.append((latest, head, seen))
                latest = head
            await connection.close()

        readers = [asyncio.ensure_future(look()) for _ in range(2)]
        await asyncio.gather(*(work(steps, (app, replica)[i % 2]) for i, steps in enumerate(devices)))
        done.set()
        await asyncio.gather(*readers)

        head, _ = await table.fetchrow(SNAPSHOT, user_id)
        assert faults == []
        assert len(notes.taken) == len(set(notes.taken))
        assert set(notes.taken) | set(notes.told) == set(range(1, head + 1))
        await self.counts_are_right(table, user_id)

    async def counts_are_right(self, table, user_id: str) -> None:
        """The counter says how many todos there are."""
        counted = await table.fetchrow("SELECT live_count, trash_count FROM user_streams WHERE user_id = $1", user_id)
        stored = await table.fetchrow(
            "SELECT count(*) FILTER (WHERE deleted_at IS NULL), count(deleted_at) FROM todos WHERE user_id = $1",
            user_id,
        )
        assert tuple(counted or (0, 0)) == tuple(stored)
