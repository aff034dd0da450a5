"""A bulk that comes again with its `Idempotency-Key` is done once."""

import asyncio
import json
from uuid import uuid4

import pytest

from shared.problems import Busy
from tests.todo_service.bulk.calls import PATH, create, on, statuses
from tests.todo_service.harness import assert_problem
from todo_service.changes.errors import QuotaExceeded
from todo_service.changes.idempotency.errors import IdempotencyKeyReused
from todo_service.changes.idempotency.service import MOST_BYTES
from todo_service.todos.bulk.errors import BulkFailed

KEY = {"Idempotency-Key": "k"}
MODES = pytest.mark.parametrize("mode", ["atomic", "independent"])


class TestARepeatedBulk:
    @MODES
    async def test_gets_the_same_answer(self, ada, state, mode):
        """The very bytes, status and number of the first one; nothing is written, and nobody is mailed again."""
        body = {"mode": mode, "operations": [{"op": "create", "data": {"title": title}} for title in ("a", "b")]}
        first = await ada.post(PATH, json=body, headers=KEY)
        before = await state(ada)

        second = await ada.post(f"{PATH}/", json=body, headers=KEY)

        assert (first.headers.get("Idempotency-Replayed"), second.headers["Idempotency-Replayed"]) == (None, "true")
        assert (second.status_code, second.content) == (first.status_code, first.content)
        assert second.headers["X-Sync-Seq"] == first.headers["X-Sync-Seq"] == "2"
        assert await state(ada) == before

    async def test_is_answered_with_what_was_refused_then(self, ada):
        """Each operation has the status that it had, though it could be done by now."""
        todo_id = str(uuid4())
        body = {"mode": "independent", "operations": [on(todo_id, "delete"), create(title=" ")]}
        await ada.post(PATH, json=body, headers=KEY)
        await ada.new(id=todo_id)

        answer = await ada.post(PATH, json=body, headers=KEY)

        assert statuses(answer.json()["results"]) == [404, 422]
        assert len(await ada.titles()) == 1

    @MODES
    async def test_at_the_same_moment_is_done_once(self, ada, mode):
        """Fifty twins make one set of todos and get one answer."""
        body = {"mode": mode, "operations": [{"op": "create", "data": {"title": title}} for title in ("a", "b")]}

        async def twin() -> bytes:
            while (answer := await ada.post(PATH, json=body, headers=KEY)).status_code == Busy.status:
                assert_problem(answer, Busy)
            return answer.content

        answers = await asyncio.gather(*(twin() for _ in range(50)))

        assert len(set(answers)) == 1
        assert sorted(await ada.titles()) == ["a", "b"]

    @pytest.mark.parametrize(
        "change",
        [
            lambda body: body["operations"].reverse(),
            lambda body: body.update(mode="atomic"),
            lambda body: body["operations"][0]["data"].update(title="other"),
            lambda body: body["operations"][1]["data"].update(priority=5, title="now right"),
        ],
    )
    async def test_is_the_same_in_all(self, ada, change):
        """Another order, mode or field, in a right body or a wrong one, is another request: 422."""
        body = {"mode": "independent", "operations": [create("a"), create(title=" ")]}
        await ada.post(PATH, json=body, headers=KEY)
        other = json.loads(json.dumps(body))
        change(other)

        assert_problem(await ada.post(PATH, json=other, headers=KEY), IdempotencyKeyReused)
        assert await ada.titles() == ["a"]

    async def test_that_failed_leaves_its_key_free(self, ada):
        """An atomic bulk that was refused is done when it can be."""
        todo_id = str(uuid4())
        body = {"operations": [on(todo_id, "update", title="y")]}
        assert_problem(await ada.post(PATH, json=body, headers=KEY), BulkFailed)
        await ada.new(id=todo_id)

        answer = await ada.post(PATH, json=body, headers=KEY)

        assert (answer.status_code, "Idempotency-Replayed" in answer.headers) == (200, False)


class TestTheRoomForAnswers:
    @pytest.fixture
    async def almost_full(self, table, ada):
        """Ada's large answers take all of her room but a thousand bytes. They are as small on disk as zeros are."""
        await table.execute(
            "INSERT INTO idempotency_keys (user_id, key, body_sha, status, headers, body, created_at)"
            " VALUES ($1, 'large', '', 200, '{}', decode(repeat('00', $2), 'hex'), now())",
            ada.user_id,
            MOST_BYTES - 1000,
        )

    async def test_is_bounded(self, ada, grace, state, almost_full):
        """A bulk whose answer has no room is undone, all of it; it is done without a key, or for somebody else."""
        body = {"mode": "independent", "operations": [create("x" * 200) for _ in range(50)]}
        before = await state(ada)

        refused = await ada.post(PATH, json=body, headers=KEY)
        after = await state(ada)
        others = [await grace.post(PATH, json=body, headers=KEY), await ada.post(PATH, json=body)]

        assert assert_problem(refused, QuotaExceeded)["current"] == MOST_BYTES - 1000
        assert after == before
        assert [answer.status_code for answer in others] == [207, 207]

    async def test_is_no_matter_to_small_ones(self, ada, almost_full):
        """A bulk with a small answer keeps its key, and so does a single create."""
        body = {"mode": "independent", "operations": [create()]}

        answers = [await ada.post(PATH, json=body, headers=KEY) for _ in range(2)]

        assert answers[1].headers["Idempotency-Replayed"] == "true"
        assert answers[1].content == answers[0].content
