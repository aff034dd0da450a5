"""What is wrong with a bulk, and what with one of its operations."""

import json
from uuid import UUID, uuid4

import pytest

from shared.problems import BodyTooLarge, MalformedJson, Unprocessable, UnsupportedMediaType
from tests.todo_service.bulk.calls import PATH, create, on, results_of, send, statuses
from tests.todo_service.harness import assert_problem

MAX_BYTES = 512 * 1024


class TestTheWholeBulk:
    @pytest.mark.parametrize(
        ("body", "loc"),
        [
            ({}, ["operations"]),
            ({"operations": []}, ["operations"]),
            ({"operations": [create()] * 101}, ["operations"]),
            ({"operations": [create()], "mode": "both"}, ["mode"]),
            ({"operations": [create()], "more": 1}, ["more"]),
            ({"operations": [create(), {"op": "explode", "id": str(uuid4())}, create()]}, ["operations", 1]),
            ({"operations": [create(), {"id": str(uuid4())}]}, ["operations", 1]),
            ({"operations": [create(), 5]}, ["operations", 1]),
            ({"operations": [{"op": "create"}]}, ["operations", 0, "create", "data"]),
            ({"operations": [create() | {"if_match": 1}]}, ["operations", 0, "create", "if_match"]),
            ({"operations": [{"op": "update", "id": str(uuid4())}]}, ["operations", 0, "update", "data"]),
            ({"operations": [{"op": "update", "data": {}}]}, ["operations", 0, "update", "id"]),
            ({"operations": [{"op": "delete", "id": "1"}]}, ["operations", 0, "delete", "id"]),
            ({"operations": [on(str(uuid4()), "delete", if_match='"1"')]}, ["operations", 0, "delete", "if_match"]),
            ({"operations": [on(str(uuid4()), "delete", permanent=1)]}, ["operations", 0, "delete", "permanent"]),
            ({"operations": [on(str(uuid4()), "restore") | {"data": {}}]}, ["operations", 0, "restore", "data"]),
            ({"operations": [create(todo_id=str(UUID(int=0)))]}, ["operations", 0, "create", "id"]),
        ],
    )
    async def test_is_refused_for_a_fault_of_its_own(self, ada, body, loc):
        """422 names the place, and none of its operations is done, not even in an independent one."""
        answer = await ada.post(PATH, json={"mode": "independent"} | body)

        assert [error["loc"] for error in assert_problem(answer, Unprocessable)["errors"]] == [["body", *loc]]
        assert await ada.titles() == []

    @pytest.mark.parametrize("mode", ["atomic", "independent"])
    async def test_may_have_a_hundred_operations(self, ada, mode):
        """All of them are done."""
        answer = await send(ada, *(create(f"{number}") for number in range(100)), mode=mode)

        assert statuses(answer.json()["results"]) == [201] * 100
        assert len(await ada.titles("limit=200")) == 100

    @pytest.mark.parametrize("path", [PATH, f"{PATH}/"])
    async def test_may_have_512_kib(self, ada, path):
        """One byte more is 413; a single todo has the room that it had."""
        body = json.dumps({"operations": [create()]}).encode()
        headers = {"Content-Type": "application/json"}

        assert (await ada.post(path, content=body.ljust(MAX_BYTES), headers=headers)).status_code == 200
        assert_problem(await ada.post(path, content=body.ljust(MAX_BYTES + 1), headers=headers), BodyTooLarge)
        assert_problem(await ada.post("/todos", content=b"{}".ljust(64 * 1024 + 1), headers=headers), BodyTooLarge)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
    async def test_is_posted(self, ada, method):
        """`bulk` is no id: another method is 405, and is told which one is right."""
        answer = await ada.request(method, PATH)

        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")

    async def test_is_json(self, ada):
        """And says so."""
        assert_problem(await ada.post(PATH, content="{", headers={"Content-Type": "application/json"}), MalformedJson)
        assert_problem(await ada.post(PATH, content='{"operations": []}'), UnsupportedMediaType)


class TestABodyWithin:
    @pytest.mark.parametrize(
        ("fields", "loc"),
        [
            ({"title": None}, ["title"]),
            ({"title": " "}, ["title"]),
            ({"priority": "3"}, ["priority"]),
            ({"more": 1}, ["more"]),
            ({"description": "\x00"}, ["description"]),
        ],
    )
    async def test_that_is_wrong_is_refused_as_alone(self, ada, fields, loc):
        """The operation's problem is that of the single call, and `loc` begins at its own body."""
        todo = await ada.new()

        results = await results_of(
            ada,
            create("before"),
            create(**{"title": "x"} | fields),
            on(todo["id"], "update", **fields),
            create("after"),
        )

        assert statuses(results) == [201, 422, 422, 201]
        alone = (await ada.patch(f"/todos/{todo['id']}", json=fields)).json()
        for result in results[1:3]:
            assert [error["loc"] for error in result["problem"]["errors"]] == [["body", *loc]]
            assert {**result["problem"], "instance": 0, "request_id": 0} == {**alone, "instance": 0, "request_id": 0}

    @pytest.mark.parametrize("data", [None, 5, "x", [], [[]]])
    async def test_is_an_object(self, ada, data):
        """Anything else is that operation's problem too."""
        results = await results_of(ada, create() | {"data": data}, on(str(uuid4()), "update") | {"data": data})

        assert statuses(results) == [422, 422]
        assert [error["loc"] for result in results for error in result["problem"]["errors"]] == [["body"], ["body"]]

    async def test_can_hold_what_no_text_may(self, ada):
        """A lone surrogate and a number that JSON has not are its problem, and the answer can be read."""
        surrogate = '{"op": "create", "data": {"title": "x", "\\ud800": 1}}'
        not_a_number = '{"op": "create", "data": {"title": "x", "priority": NaN}}'
        body = f'{{"mode": "independent", "operations": [{surrogate}, {not_a_number}]}}'

        answer = await ada.post(PATH, content=body, headers={"Content-Type": "application/json"})

        assert statuses(answer.json()["results"]) == [422, 422]

    async def test_has_few_members(self, ada):
        """With thousands, none is looked at: to name each would hold up everybody else for a second."""
        many = {str(number): 1 for number in range(51)}

        [created, changed] = await results_of(ada, create(**many), on(str(uuid4()), "update", **many))
        whole = await send(ada, on(str(uuid4()), "delete") | many)

        for body in (created["problem"], changed["problem"], assert_problem(whole, Unprocessable)):
            assert [error["msg"] for error in body["errors"]] == ["must have at most 50 members"]

    async def test_names_no_other_todo(self, ada):
        """Two ids of a create must be equal, and an update cannot change one."""
        todo = await ada.new()
        other = str(uuid4())

        results = await results_of(ada, create(id=other), on(todo["id"], "update", id=other))

        assert [(result["status"], result["problem"]["code"]) for result in results] == [
            (422, "validation_error"),
            (422, "read_only_field"),
        ]
        assert results[0]["problem"]["errors"][0]["loc"] == ["body", "id"]

    async def test_can_name_the_version(self, ada):
        """An update is stale by its `version`, too."""
        todo = await ada.new()

        [result] = await results_of(ada, on(todo["id"], "update", title="y", version=2))

        assert (result["status"], result["problem"]["current"]) == (412, todo)
