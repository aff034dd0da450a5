"""Lists: every parameter equals a model in Python, and nothing is ever left out in silence."""

import unicodedata
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.problems import Unprocessable
from tests.todo_service.harness import Caller, assert_problem
from tests.todo_service.stored import ROWS, START, row, store
from todo_service.todos.errors import CursorMismatch, InvalidCursor, SkipAndCursor
from todo_service.todos.schemas import TodoPublic

WORDS = ["milk", "MILK", "mílk", "litres two", "zeb", "%", "_", "\\", "absent"]
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "completed": st.booleans(),
        "priority": st.lists(st.integers(1, 5), min_size=1, max_size=3),
        "priority_gte": st.integers(1, 5),
        "priority_lte": st.integers(1, 5),
        "search": st.sampled_from(WORDS),
        "sort": st.lists(
            st.tuples(
                st.sampled_from(["", "-"]),
                st.sampled_from(["created_at", "updated_at", "completed_at", "priority", "title"]),
            ),
            min_size=1,
            max_size=2,
            unique_by=lambda key: key[1],
        ).map(lambda keys: ",".join(map("".join, keys))),
        "limit": st.integers(1, 8),
        "count": st.just("exact"),
    },
)
PROOF = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def folded(text: str) -> str:
    """Return what search compares, spelt out anew."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join("".join(c for c in text if not "\u0300" <= c <= "\u036f").split())


def is_shown(todo: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Return whether a list that is asked so shows the todo."""
    texts = [folded(todo["title"]), folded(todo["description"] or "")]
    return (
        asked.get("completed", todo["completed"]) == todo["completed"]
        and todo["priority"] in asked.get("priority", [todo["priority"]])
        and asked.get("priority_gte", 1) <= todo["priority"] <= asked.get("priority_lte", 5)
        and all(any(word in text for text in texts) for word in folded(asked.get("search", "")).split())
    )


def in_order(todos: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    """Return the todos as `sort` orders them: by its keys, last by id in the last key's direction."""
    keys = sort.split(",")
    ordered = sorted(todos, key=lambda todo: todo["id"], reverse=keys[-1].startswith("-"))
    for key in reversed(keys):
        name = key.removeprefix("-")
        has = [todo for todo in ordered if todo[name] is not None]
        has.sort(key=lambda todo: sort_value(todo, name), reverse=key.startswith("-"))
        ordered = has + [todo for todo in ordered if todo[name] is None]
    return ordered


def sort_value(todo: dict[str, Any], name: str) -> Any:
    # PostgreSQL's collation "C" compares UTF-8 bytes.
    return folded(todo["title"])[:200].encode() if name == "title" else todo[name]


async def walk(caller: Caller, query: str) -> list[dict[str, Any]]:
    """Return all todos of a list, by its links."""
    todos, link = [], f"/todos?{query}"
    while link:
        response = await caller.get(link)
        assert response.status_code == 200, response.text
        todos += response.json()
        link = response.links.get("next", {}).get("url")
    return todos


class TestParameters:
    @PROOF
    @given(rows=st.lists(ROWS, max_size=12, unique_by=lambda fields: fields["id"]), asked=PARAMETERS)
    async def test_all_together_equal_the_model(self, uncached, table, rows, asked):
        """Filters, search, order, paging and total, in any combination, over any stored texts."""
        caller = Caller(uncached, f"model-{uuid4()}")
        stored = [row(caller.user_id, **fields) for fields in rows]
        await store(table, stored)

        async with caller:
            first = await caller.get(f"/todos?{query_of(asked)}")
            todos = await walk(caller, query_of(asked))

        expected = in_order([todo for todo in stored if is_shown(todo, asked)], asked.get("sort", "-created_at"))
        assert [todo["id"] for todo in todos] == [str(todo["id"]) for todo in expected]
        assert first.json() == todos[: asked.get("limit", 100)]
        assert first.headers.get("X-Total-Count") == (str(len(expected)) if "count" in asked else None)

    @PROOF
    @given(fields=ROWS)
    async def test_a_rendered_row_is_a_todo(self, uncached, table, fields):
        """The text that PostgreSQL renders parses into `TodoPublic` and is its dump, for any stored todo."""
        caller = Caller(uncached, f"rendered-{uuid4()}")
        stored = row(caller.user_id, **fields)
        await store(table, [stored])

        async with caller:
            [shown] = (await caller.get("/todos")).json()

        assert shown == TodoPublic.model_validate(stored).model_dump(mode="json")
        assert list(shown) == list(TodoPublic.model_fields)

    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("limit=0", "limit"), ("limit=201", "limit"), ("limit=1.0", "limit"), ("limit=+5", "limit"),
            ("limit=", "limit"),
            ("skip=-1", "skip"), ("skip=10001", "skip"), ("completed=1", "completed"), ("completed=True", "completed"),
            ("priority=6", "priority"), ("priority_gte=0", "priority_gte"), ("priority_lte=x", "priority_lte"),
            ("count=yes", "count"), ("sort=colour", "sort"), ("sort=", "sort"), ("sort=title,-title", "sort"),
            ("sort=title,priority,created_at", "sort"), ("search=%00", "search"), (f"search={'a+' * 11}", "search"),
            (f"search={'a' * 201}", "search"), ("complete=true", "complete"), ("limit=1&limit=1", "limit"),
            ("search=a&search=b", "search"),
        ],
    )  # fmt: skip
    async def test_that_are_wrong_are_named(self, ada, query, parameter):
        """Out of range, misspelt, unknown or repeated: 422, for a filter that is dropped would return everything."""
        response = await ada.get(f"/todos?{query}")

        assert assert_problem(response, Unprocessable)["errors"][0]["loc"][:2] == ["query", parameter]

    async def test_priority_may_be_repeated(self, ada):
        """It means any of them."""
        for priority in (1, 3, 5):
            await ada.new(str(priority), priority=priority)

        assert await ada.titles("priority=1&priority=5&sort=priority") == ["1", "5"]

    async def test_answers_belong_to_the_caller_alone(self, ada):
        """No cache on the way may keep them or mix up their owners."""
        response = await ada.get("/todos")

        assert (response.status_code, response.content) == (200, b"[]")
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert response.headers["Vary"] == "Authorization"
        assert response.headers["Content-Type"] == "application/json"

    async def test_both_spellings_answer_alike(self, ada):
        """`/todos/` is `/todos`, without a redirect."""
        await ada.new()

        assert (await ada.get("/todos/")).content == (await ada.get("/todos")).content


class TestPaging:
    async def test_more_than_a_page_shows_the_next_one(self, ada, table):
        """201 todos with `limit=200` have a link, 200 have none."""
        rows = [row(ada.user_id, created_at=START + timedelta(seconds=n)) for n in range(201)]
        await store(table, rows[:200])
        full = await ada.get("/todos?limit=200&completed=false")
        await store(table, rows[200:])

        more = await ada.get("/todos?limit=200&completed=false&count=exact")
        last = await ada.get(more.links["next"]["url"])

        assert "X-Next-Cursor" not in full.headers
        assert more.headers["X-Next-Cursor"] in more.links["next"]["url"]
        assert more.headers["X-Total-Count"] == "201"
        assert more.links["next"]["url"].startswith("/todos?limit=200&count=exact&completed=false&cursor=")
        assert (len(more.json()), len(last.json()), last.links) == (200, 1, {})

    async def test_skip_leaves_out_the_beginning(self, ada):
        """And its page has a cursor too, so that a walk passes 10 000."""
        for title in "abcd":
            await ada.new(title)

        response = await ada.get("/todos?sort=title&skip=1&limit=2")

        assert [todo["title"] for todo in response.json()] == ["b", "c"]
        assert [todo["title"] for todo in (await ada.get(response.links["next"]["url"])).json()] == ["d"]

    async def test_a_page_beyond_the_end_is_empty_and_counts(self, ada):
        """The total is there without a row to carry it."""
        await ada.new()

        response = await ada.get("/todos?skip=5&count=exact")

        assert (response.json(), response.headers["X-Total-Count"]) == ([], "1")

    async def test_limit_and_count_may_change_on_the_way(self, ada):
        """A cursor holds the place in the list, not the size of pages."""
        for title in "abc":
            await ada.new(title)
        cursor = (await ada.get("/todos?sort=title&limit=1")).headers["X-Next-Cursor"]

        assert await ada.titles(f"sort=title&limit=5&count=exact&cursor={cursor}") == ["b", "c"]

    @pytest.mark.parametrize("other", ["sort=-title", "sort=title&completed=true", "sort=title&search=a", ""])
    async def test_a_cursor_belongs_to_its_list(self, ada, other):
        """With other filters or another order it is refused."""
        await ada.new("a")
        await ada.new("b")
        cursor = (await ada.get("/todos?sort=title&limit=1")).headers["X-Next-Cursor"]

        assert_problem(await ada.get(f"/todos?{other}&cursor={cursor}"), CursorMismatch)

    @pytest.mark.parametrize("cursor", ["", "x", "a" * 2049, "e30", "W10", "bnVsbA", "!", "eyJ2IjoxfQ"])
    async def test_other_texts_are_no_cursors(self, ada, cursor):
        """Whatever was not handed out is 422."""
        assert_problem(await ada.get(f"/todos?cursor={cursor}"), InvalidCursor)

    async def test_skip_and_cursor_exclude_each_other(self, ada):
        """Both say where the page begins."""
        await ada.new("a")
        await ada.new("b")
        cursor = (await ada.get("/todos?limit=1")).headers["X-Next-Cursor"]

        assert_problem(await ada.get(f"/todos?skip=0&cursor={cursor}"), SkipAndCursor)


class TestWalking:
    @PROOF
    @given(
        rows=st.lists(ROWS, min_size=3, max_size=12, unique_by=lambda fields: fields["id"]),
        asked=PARAMETERS.filter(lambda asked: "sort" in asked),
        data=st.data(),
    )
    async def test_shows_what_stays_exactly_once(self, uncached, table, rows, asked, data):
        """Todos come and go during the walk; those that stay are seen once and in order, under any ties."""
        caller = Caller(uncached, f"walk-{uuid4()}")
        stored = [row(caller.user_id, **fields) for fields in rows]
        await store(table, stored)
        going = data.draw(st.sets(st.sampled_from([todo["id"] for todo in stored])))
        seen, link = [], f"/todos?{query_of({**asked, 'limit': 2})}"

        async with caller:
            while link:
                response = await caller.get(link)
                seen += [todo["id"] for todo in response.json()]
                link = response.links.get("next", {}).get("url")
                await store(table, [row(caller.user_id, **{**data.draw(ROWS), "id": uuid4()})])
                if going:
                    await table.execute("DELETE FROM todos WHERE id = $1", going.pop())

        staying = [todo for todo in stored if is_shown(todo, asked) and str(todo["id"]) in seen]
        kept = {todo["id"] for todo in await table.fetch("SELECT id FROM todos WHERE user_id = $1", caller.user_id)}
        untouched = [todo for todo in stored if todo["id"] in kept and is_shown(todo, asked)]
        assert len(seen) == len(set(seen))
        assert [todo_id for todo_id in seen if todo_id in {str(todo["id"]) for todo in staying}] == [
            str(todo["id"]) for todo in in_order(staying, asked["sort"])
        ]
        assert {str(todo["id"]) for todo in untouched} <= set(seen)


def query_of(asked: dict[str, Any]) -> str:
    """Return `asked` as a query string."""
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in asked.items()}
    return urlencode(texts, doseq=True)
