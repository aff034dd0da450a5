"""Many writes in one call."""

import asyncio
import json
from uuid import UUID, uuid4

import pytest

from shared.caller import InsufficientScope
from shared.problems import Busy
from shared.tokens import MissingToken
from tests.todo_service.bulk.calls import PATH, create, on, results_of, send, statuses
from tests.todo_service.harness import assert_problem, running
from todo_service.todos.bulk.errors import BulkFailed

MODES = pytest.mark.parametrize("mode", ["atomic", "independent"])


class TestABulk:
    async def test_needs_a_token(self, nobody):
        """Without one, 401."""
        assert_problem(await send(nobody, create()), MissingToken)

    async def test_does_nothing_to_a_strangers_todo(self, ada, grace):
        """Each operation on it is a 404 of its own, and an own todo may have the same id."""
        todo_id = (await ada.new("hers"))["id"]
        touches = [on(todo_id, "update", title="x"), on(todo_id, "delete"), on(todo_id, "restore")]
        touches.append(on(todo_id, "delete", permanent=True))

        results = await results_of(grace, *touches, create("mine", todo_id))

        assert statuses(results) == [404, 404, 404, 404, 201]
        assert {result["problem"]["code"] for result in results[:4]} == {"todo_not_found"}
        assert (await ada.titles(), await grace.titles()) == (["hers"], ["mine"])

    async def test_needs_the_scope_to_write(self, client_for):
        """A token that may only read is refused."""
        assert_problem(await send(client_for("ada", scope="todos:read"), create()), InsufficientScope)

    @MODES
    async def test_does_what_it_says_in_its_order(self, ada, mode):
        """Each operation sees what those before it have left, also of the same todo."""
        todo_id = str(uuid4())

        answer = await send(
            ada,
            create("a", todo_id),
            on(todo_id, "update", if_match=1, title="b", completed=True),
            on(todo_id, "delete", if_match=2),
            on(todo_id, "restore", if_match=3),
            mode=mode,
        )

        results = answer.json()["results"]
        assert answer.status_code == {"atomic": 200, "independent": 207}[mode]
        assert [(one["index"], one["op"], one["status"], one["id"]) for one in results] == [
            (0, "create", 201, todo_id),
            (1, "update", 200, todo_id),
            (2, "delete", 204, todo_id),
            (3, "restore", 200, todo_id),
        ]
        assert [one["todo"]["version"] for one in results if "todo" in one] == [1, 2, 4]
        assert not any("problem" in one for one in results)
        assert results[3]["todo"] == (await ada.get(f"/todos/{todo_id}")).json()
        assert answer.headers["X-Sync-Seq"] == "4"

    async def test_is_atomic_unless_it_says_otherwise(self, ada):
        """One that cannot be done undoes all."""
        answer = await ada.post(f"{PATH}/", json={"operations": [create(), on(str(uuid4()), "delete")]})

        assert_problem(answer, BulkFailed)
        assert await ada.titles() == []

    async def test_can_bring_an_id_back(self, ada, state):
        """What is gone for good may be created again with its id: the tombstone goes, and comes when it goes again."""
        kept, gone = str(uuid4()), str(uuid4())
        for todo_id in (kept, gone):
            await ada.new(id=todo_id)
        again = [on(kept, "delete", permanent=True), create("again", kept)]
        for_good = [on(gone, "delete", permanent=True), create("again", gone), on(gone, "delete", permanent=True)]

        results = await results_of(ada, *again, *for_good)

        assert statuses(results) == [204, 201, 204, 201, 204]
        stored = await state(ada)
        assert [(one["id"], one["seq"], one["version"]) for one in json.loads(stored["todos"])] == [(kept, 4, 4)]
        assert [(one["id"], one["seq"]) for one in json.loads(stored["tombstones"])] == [(gone, 7)]

    async def test_forgets_the_tombstone_of_what_is_there_again(self, ada, state):
        """An id that was gone before the bulk is there again, and its tombstone is not."""
        todo_id = (await ada.new())["id"]
        await ada.delete(f"/todos/{todo_id}?permanent=true")

        await results_of(ada, create("again", todo_id))
        assert (await state(ada))["tombstones"] is None

        await results_of(ada, on(todo_id, "delete", permanent=True), create("x", todo_id))
        assert (await state(ada))["tombstones"] is None

    async def test_gives_a_used_id_no_version_of_before(self, ada):
        """Be it gone before the bulk or within it: the version is the number of the change, which no other one had."""
        gone, going = (await ada.new())["id"], (await ada.new())["id"]
        await ada.delete(f"/todos/{gone}?permanent=true")

        results = await results_of(
            ada, create("a", gone), on(going, "delete", permanent=True), create("b", going), create("c")
        )

        assert [one["todo"]["version"] for one in results if one["op"] == "create"] == [4, 6, 1]

    async def test_that_changes_nothing_takes_no_number(self, ada, state):
        """Equal patches and restores of what is live answer with the latest number, and write nothing."""
        todo = await ada.new("x")
        before = await state(ada)

        answer = await send(ada, on(todo["id"], "update", title="x"), on(todo["id"], "restore"), mode="atomic")

        assert [one["todo"] for one in answer.json()["results"]] == [todo, todo]
        assert answer.headers["X-Sync-Seq"] == "1"
        assert await state(ada) == before

    async def test_shows_in_the_feed_each_todo_once(self, ada):
        """At its latest number; those between were never to be seen."""
        one, other = str(uuid4()), str(uuid4())
        await results_of(ada, create("a", one), create("b", other), on(one, "update", title="c"))

        changes = (await ada.get("/changes")).json()["changes"]

        assert [(change["id"], change["seq"], change["data"]["title"]) for change in changes] == [
            (other, 2, "b"),
            (one, 3, "c"),
        ]

    async def test_gives_an_id_to_what_has_none(self, ada):
        """It is in the result, whatever the place of a client's own id."""
        own = str(uuid4())

        results = await results_of(
            ada,
            {"op": "create", "data": {"title": "x"}},
            {"op": "create", "data": {"title": "x", "id": own}},
            {"op": "create", "id": own.upper(), "data": {"title": "x", "id": own}},
        )

        assert statuses(results) == [201, 201, 409]
        assert UUID(results[0]["id"]).version == 7
        assert [result["id"] for result in results[1:]] == [own, own]

    async def test_finds_what_it_wrote_by_words(self, ada):
        """Search and sorting by title know what a bulk has written."""
        todo_id = str(uuid4())
        await results_of(ada, create("Ärger", todo_id), create("beer"), on(todo_id, "update", title="Zürich"))

        assert await ada.titles("search=zurich") == ["Zürich"]
        assert await ada.titles("sort=title") == ["beer", "Zürich"]


class TestAnIndependentBulk:
    async def test_does_what_can_be_done(self, ada):
        """A stale version in the middle harms neither what is before it nor what comes after."""
        todo = await ada.new()

        results = await results_of(
            ada, create("a"), on(todo["id"], "update", if_match=7, title="never"), on(todo["id"], "delete", if_match=1)
        )

        assert statuses(results) == [201, 412, 204]
        assert results[1]["problem"]["current"] == todo
        assert await ada.titles() == ["a"]

    async def test_stops_creating_where_the_room_ends(self, client_for, todo_database_url, valkey):
        """The quota is counted in order: what is deleted on the way makes room."""
        async with running(todo_database_url, valkey.url, max_todos=2) as small:
            ada, first = client_for("ada", on=small), str(uuid4())

            results = await results_of(
                ada,
                create("a", first),
                create("b"),
                create("c"),
                on(first, "delete"),
                create("d"),
                on(first, "restore"),
            )

            assert statuses(results) == [201, 201, 422, 204, 201, 422]
            assert results[2]["problem"]["code"] == "quota_exceeded"
            assert (results[2]["problem"]["limit"], results[2]["problem"]["current"]) == (2, 2)
            assert sorted(await ada.titles()) == ["b", "d"]
            assert small.state.watch.faults == []


class TestAnAtomicBulk:
    async def test_says_all_that_fails(self, ada, state):
        """422 names each operation that cannot be done, judged as if the others that fail had not been there."""
        todo = await ada.new()
        before = await state(ada)

        answer = await send(
            ada,
            create("x", todo["id"]),
            create("fine"),
            on(todo["id"], "update", if_match=2, title="y"),
            create(title=None),
            on(todo["id"], "delete", if_match=1),
            on(todo["id"], "update", title="z"),
            mode="atomic",
        )

        errors = assert_problem(answer, BulkFailed)["errors"]
        assert [(error["index"], error["status"], error["code"]) for error in errors] == [
            (0, 409, "id_taken"),
            (2, 412, "stale_version"),
            (3, 422, "validation_error"),
            (5, 404, "todo_not_found"),
        ]
        assert [error["current"] for error in errors[:2]] == [todo, todo]
        assert errors[2]["errors"][0]["loc"] == ["body", "title"]
        assert all(error["detail"] for error in errors)
        assert await state(ada) == before

    async def test_with_twins_is_done_once(self, ada):
        """Of fifty at once that create the same todo, one succeeds, and the others leave nothing of theirs."""
        shared = str(uuid4())

        async def once(number: int) -> int:
            operations = [create(f"{number}"), create("shared", shared)]
            while (answer := await send(ada, *operations, mode="atomic")).status_code == Busy.status:
                assert_problem(answer, Busy)
            return answer.status_code

        answers = await asyncio.gather(*(once(number) for number in range(50)))

        assert sorted(answers) == [200] + [422] * 49
        assert len(await ada.titles()) == 2


class TestBulksAtOnce:
    async def test_stand_in_a_line(self, ada, state):
        """Fifty at once take numbers without gaps, and the counts are right."""

        async def one(number: int) -> int:
            todo_id = str(uuid4())
            operations = [create(f"{number}", todo_id), create("gone"), on(todo_id, "update", priority=5)]
            while (answer := await send(ada, *operations, on(operations[1]["id"], "delete"))).status_code != 207:
                assert_problem(answer, Busy)
            return int(answer.headers["X-Sync-Seq"])

        numbers = await asyncio.gather(*(one(number) for number in range(50)))

        assert sorted(numbers) == [4 * (place + 1) for place in range(50)]
        counter = json.loads((await state(ada))["counter"])
        assert (counter["seq"], counter["live_count"], counter["trash_count"]) == (200, 50, 50)
