"""The fields of a todo, and bodies that are refused: never a 5xx, always the field's name."""

import json
from uuid import uuid4

import pytest

from shared.problems import BodyTooLarge, MalformedJson, UnsupportedMediaType
from tests.todo_service.harness import assert_problem
from todo_service.todos.errors import IdTaken
from todo_service.todos.schemas import TodoPublic

JSON = {"Content-Type": "application/json"}
INVISIBLE = ["", " ", "\u2003\t", "\u200b", "\ufeff\u2060", "\u3164", "\u115f\u1160\uffa0", "\u200b \u3164"]


class TestCreating:
    async def test_answers_with_the_whole_todo(self, ada):
        """What was not sent has its default; ids and times come from the server."""
        response = await ada.post("/todos", json={"title": "Buy milk"})

        todo = response.json()
        assert response.status_code == 201
        assert response.headers["Location"] == f"/todos/{todo['id']}"
        assert list(todo) == list(TodoPublic.model_fields)
        assert todo["user_id"] == ada.user_id
        assert (todo["description"], todo["completed"], todo["priority"]) == (None, False, 3)
        assert (todo["completed_at"], todo["updated_at"]) == (None, todo["created_at"])
        assert (await ada.get(f"/todos/{todo['id']}")).json() == todo

    async def test_a_todo_can_be_born_completed(self, ada):
        """Then its completion has the time of its creation."""
        todo = await ada.new(completed=True, priority=5, description="")

        assert todo["completed_at"] == todo["created_at"]
        assert (todo["priority"], todo["description"]) == (5, "")

    async def test_keeps_the_clients_id(self, ada):
        """An own id is kept, in lower case."""
        chosen = uuid4()

        assert (await ada.new(id=str(chosen).upper()))["id"] == str(chosen)

    async def test_a_repeated_id_makes_no_second_todo(self, ada):
        """The second create with an id is 409 and shows the first, and no second mail is recorded."""
        first = await ada.new("first", id=str(uuid4()))

        response = await ada.post("/todos", json={"title": "second", "id": first["id"]})

        assert assert_problem(response, IdTaken)["current"] == first
        assert await ada.titles() == ["first"]

    @pytest.mark.parametrize("number", [0, 2**128 - 1])
    async def test_refuses_the_ids_that_mean_none(self, ada, number):
        """The nil and the max UUID are nobody's id."""
        response = await ada.post("/todos", json={"title": "x", "id": f"{number:032x}"})

        assert (response.status_code, response.json()["errors"][0]["loc"]) == (422, ["body", "id"])


class TestTexts:
    @pytest.mark.parametrize(
        "title", ["a", "a" * 200, "𝔘" * 200, "👩‍👩‍👧", "e\u0301", "שלום", "a\nb", "'\"; DROP TABLE todos"]
    )
    async def test_titles_come_back_as_they_were_sent(self, ada, title):
        """One to two hundred code points of any script, and no other spelling of them."""
        todo = await ada.new(title)

        assert todo["title"] == title
        assert await ada.titles() == [title]

    async def test_white_space_around_a_title_goes(self, ada):
        """Unicode's too."""
        assert (await ada.new(" \u00a0\u2003Buy  milk\t\n"))["title"] == "Buy  milk"

    @pytest.mark.parametrize("title", [*INVISIBLE, "a" * 201, "a\x00b", "\ud800", 3, None, ["a"], True])
    async def test_refuses_other_titles(self, ada, title):
        """Blank, too long, NUL, half a surrogate pair or no text: 422 that names the title."""
        response = await ada.post("/todos", content=json.dumps({"title": title}), headers=JSON)

        assert (response.status_code, response.json()["errors"][0]["loc"]) == (422, ["body", "title"])

    @pytest.mark.parametrize("description", ["", " kept ", "a" * 1000, "𝔘" * 1000])
    async def test_descriptions_are_kept_as_sent(self, ada, description):
        """Nothing is trimmed, and an empty one is not null."""
        assert (await ada.new(description=description))["description"] == description

    @pytest.mark.parametrize("description", ["a" * 1001, "\x00", "\udfff", 1])
    async def test_refuses_other_descriptions(self, ada, description):
        """Over a thousand code points, NUL, a lone surrogate, no text: 422."""
        body = json.dumps({"title": "x", "description": description})

        response = await ada.post("/todos", content=body, headers=JSON)

        assert (response.status_code, response.json()["errors"][0]["loc"]) == (422, ["body", "description"])


class TestTypes:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("priority", "3"), ("priority", 3.0), ("priority", True), ("priority", 0), ("priority", 6),
            ("priority", None), ("completed", "true"), ("completed", 1), ("completed", None), ("id", 7), ("id", "x"),
            ("user_id", "me"), ("created_at", "2026-01-01T00:00:00Z"), ("completed_at", None), ("colour", "red"),
        ],
    )  # fmt: skip
    async def test_are_strict_and_fields_are_known(self, ada, field, value):
        """A client's bug shows at once; nobody sets whose a todo is."""
        response = await ada.post("/todos", json={"title": "x", field: value})

        assert response.status_code == 422
        assert [error["loc"] for error in response.json()["errors"]] == [["body", field]]
        assert await ada.titles() == []


class TestBodies:
    @pytest.mark.parametrize(
        "body", [b"{", b'{"title": "x"', b'{"title": x}', b"\xff", b'{"title": "\xff"}', b"[" * 20_000]
    )
    async def test_broken_json_is_400(self, ada, body):
        """Also when it is no UTF-8, or nested beyond reason."""
        assert_problem(await ada.post("/todos", content=body, headers=JSON), MalformedJson)

    @pytest.mark.parametrize(
        "body",
        [b"[]", b"null", b'"x"', b'{"title": NaN}', b'{"title": "x", "priority": Infinity}', b'{"title": "\\ud800"}'],
    )
    async def test_json_of_another_shape_is_422(self, ada, body):
        """What JSON allows and a todo does not."""
        assert (await ada.post("/todos", content=body, headers=JSON)).status_code == 422

    @pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "nonsense"])
    async def test_must_say_that_they_are_json(self, ada, content_type):
        """Another type, or none, is 415."""
        headers = {} if content_type is None else {"Content-Type": content_type}

        assert_problem(await ada.post("/todos", content=b'{"title":"x"}', headers=headers), UnsupportedMediaType)

    async def test_are_64_kib_at_most(self, ada):
        """Declared or only counted, a larger body is 413."""

        async def pieces():
            for _ in range(70):
                yield b" " * 1024

        assert_problem(await ada.post("/todos", content=b" " * 65_537, headers=JSON), BodyTooLarge)
        assert_problem(await ada.post("/todos", content=pieces(), headers=JSON), BodyTooLarge)

    async def test_a_refusal_repeats_no_value(self, ada):
        """What was sent is not sent back: a wrong field may hold a secret."""
        response = await ada.post("/todos", json={"title": 1, "password": "hunter2"})

        assert "hunter2" not in response.text
