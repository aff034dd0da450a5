"""Versions: nobody overwrites what they have not seen, and nobody is sent what they have."""

import asyncio
import re

import httpx
import pytest

from shared.problems import Unprocessable
from tests.servers import Valkey
from tests.todo_service.harness import assert_problem
from todo_service.todos.errors import InvalidIfMatch, StaleVersion, TodoNotFound

TAG = re.compile(r'W/"[0-9a-f]{8}-\d+-[0-9a-f]{8}"')
WRITES = [
    ("PATCH", "", {"title": "new"}),
    ("DELETE", "", None),
    ("DELETE", "?permanent=true", None),
    ("POST", "/restore", None),
]
UNMATCHED = ['"2"', 'W/"1"', '"1", "2"', '"1","1"', '"01"', '""', '"one"']


class TestVersions:
    async def test_count_real_changes(self, ada):
        """A todo begins at 1; each change adds one, and a patch that changes nothing adds none."""
        todo = await ada.new()
        path = f"/todos/{todo['id']}"

        changed = (await ada.patch(path, json={"priority": 1})).json()
        same = (await ada.patch(path, json={"priority": 1})).json()
        await ada.delete(path)
        restored = (await ada.post(f"{path}/restore")).json()

        assert [one["version"] for one in (todo, changed, same, restored)] == [1, 2, 2, 4]

    async def test_are_the_entity_tag_of_every_answer_with_one_todo(self, ada):
        """Created, read, changed and restored alike."""
        created = await ada.post("/todos", json={"title": "x"})
        path = created.headers["Location"]

        changed = await ada.patch(path, json={"title": "y"})
        read = await ada.get(path)
        restored = await ada.post(f"{path}/restore")

        assert [one.headers["ETag"] for one in (created, changed, read, restored)] == ['"1"', '"2"', '"2"', '"2"']

    async def test_writes_say_how_far_the_feed_must_have_come(self, ada):
        """`X-Sync-Seq` is the number of the change, or of the latest one when nothing changed."""
        created = await ada.post("/todos", json={"title": "x"})
        path = created.headers["Location"]

        answers = [
            created,
            await ada.patch(path, json={"title": "y"}),
            await ada.patch(path, json={"title": "y"}),
            await ada.delete(path),
            await ada.post(f"{path}/restore"),
            await ada.post(f"{path}/restore"),
            await ada.delete(f"{path}?permanent=true"),
            await ada.delete("/trash"),
        ]

        assert [int(answer.headers["X-Sync-Seq"]) for answer in answers] == [1, 2, 2, 3, 4, 4, 5, 5]


class TestIfMatch:
    @pytest.mark.parametrize(("method", "suffix", "body"), WRITES)
    @pytest.mark.parametrize("tag", UNMATCHED)
    async def test_another_tag_changes_nothing(self, ada, method, suffix, body, tag):
        """A wrong, a weak or more than one: 412 with the todo as it is, and no number is taken."""
        todo = await ada.new()

        response = await ada.request(method, f"/todos/{todo['id']}{suffix}", json=body, headers={"If-Match": tag})

        assert assert_problem(response, StaleVersion)["current"] == todo
        assert (await ada.get(f"/todos/{todo['id']}")).json() == todo
        assert (await ada.patch(f"/todos/{todo['id']}", json={})).headers["X-Sync-Seq"] == "1"

    @pytest.mark.parametrize(("method", "suffix", "body"), WRITES)
    @pytest.mark.parametrize("tag", ['"1"', "*", ' "1" '])
    async def test_the_right_tag_lets_it_through(self, ada, method, suffix, body, tag):
        """So does `*`, for any todo that is there."""
        todo = await ada.new()

        response = await ada.request(method, f"/todos/{todo['id']}{suffix}", json=body, headers={"If-Match": tag})

        assert response.is_success

    @pytest.mark.parametrize("tag", ["1", "", '"1', 'w/"1"', '"1" "2"', "*, *", '"1",'])
    async def test_what_is_no_tag_is_refused(self, ada, tag):
        """With a code of its own, for the client has a bug."""
        todo = await ada.new()

        response = await ada.patch(f"/todos/{todo['id']}", json={"title": "y"}, headers={"If-Match": tag})

        assert_problem(response, InvalidIfMatch)
        assert await ada.titles() == ["Buy milk"]

    async def test_two_fields_are_two_tags(self, ada):
        """And match none."""
        todo = await ada.new()
        headers = [("If-Match", '"1"'), ("If-Match", '"1"')]

        assert_problem(await ada.patch(f"/todos/{todo['id']}", json={"title": "y"}, headers=headers), StaleVersion)

    async def test_a_missing_todo_is_missing_first(self, ada, grace):
        """Whose it is, a stranger does not learn from a tag."""
        todo = await ada.new()

        response = await grace.patch(f"/todos/{todo['id']}", json={}, headers={"If-Match": '"7"'})

        assert_problem(response, TodoNotFound)

    async def test_a_version_in_the_patch_is_as_good(self, ada):
        """For clients that cannot set headers; it must be the version that is there, too."""
        todo = await ada.new()
        path = f"/todos/{todo['id']}"

        stale = await ada.patch(path, json={"title": "y", "version": 2})
        fresh = await ada.patch(path, json={"title": "y", "version": 1})

        assert assert_problem(stale, StaleVersion)["current"] == todo
        assert (fresh.status_code, fresh.json()["version"]) == (200, 2)
        assert_problem(await ada.patch(path, json={"version": "2"}), Unprocessable)

    async def test_a_stale_echo_is_stale_not_wrong(self, ada):
        """A client that sends back the whole of an old object learns that it is old."""
        todo = await ada.new()
        await ada.patch(f"/todos/{todo['id']}", json={"priority": 1})

        response = await ada.patch(f"/todos/{todo['id']}", json={**todo, "title": "y"})

        assert_problem(response, StaleVersion)

    async def test_of_fifty_with_one_tag_one_wins(self, ada):
        """The others see what it made."""
        todo = await ada.new()

        async def change(number: int) -> httpx.Response:
            while True:
                path, title = f"/todos/{todo['id']}", {"title": f"{number}"}
                answer = await ada.patch(path, json=title, headers={"If-Match": '"1"'})
                # On a slow machine the last may wait too long for their turn; they ask again, as they are told to.
                if answer.status_code != 503:
                    return answer

        answers = await asyncio.gather(*(change(number) for number in range(50)))

        [won] = [answer for answer in answers if answer.status_code == 200]
        lost = [answer for answer in answers if answer.status_code == 412]
        assert len(lost) == 49
        assert all(answer.json()["current"] == won.json() for answer in lost)


class TestIfNoneMatch:
    @pytest.mark.parametrize("known", ['"1"', 'W/"1"', '"7", "1"', "*"])
    async def test_a_known_todo_is_not_sent_again(self, ada, known):
        """The comparison is weak, and a list of tags is fine."""
        todo = await ada.new()

        response = await ada.get(f"/todos/{todo['id']}", headers={"If-None-Match": known})

        assert (response.status_code, response.content, response.headers["ETag"]) == (304, b"", '"1"')
        assert response.headers["Vary"] == "Authorization"

    @pytest.mark.parametrize("known", ['"2"', "1", '""', 'so"1"so', '"1" "2"'])
    async def test_another_one_is(self, ada, known):
        """What is no tag is no condition."""
        todo = await ada.new()

        assert (await ada.get(f"/todos/{todo['id']}", headers={"If-None-Match": known})).json() == todo

    @pytest.mark.parametrize("path", ["/todos", "/todos/?limit=1&count=exact", "/trash"])
    async def test_a_known_page_is_not_sent_again(self, ada, client_for, uncached, path):
        """From the cache, from PostgreSQL, and without a cache."""
        await ada.new()
        await ada.new()
        first = await ada.get(path)
        known = {"If-None-Match": first.headers["ETag"]}

        answers = [await ada.get(path, headers=known), await client_for("ada", on=uncached).get(path, headers=known)]
        await ada.patch(f"/todos/{(await ada.new())['id']}", json={"title": "y"})
        changed = await ada.get(path, headers=known)

        assert TAG.fullmatch(first.headers["ETag"])
        assert [(one.status_code, one.content, one.headers["ETag"]) for one in answers] == [
            (304, b"", first.headers["ETag"])
        ] * 2
        assert changed.status_code == 200

    @pytest.mark.needs_redis("a hit")
    async def test_a_hit_costs_one_command_and_no_statement(self, app, ada, valkey: Valkey):
        """And has the headers of the page: where the next one is, and how many there are."""
        for _ in range(2):
            await ada.new()
        first = await ada.get("/todos?limit=1&count=exact")
        mark = len(app.state.watch.statements)
        assert valkey.ask("CONFIG RESETSTAT").startswith("+OK")

        response = await ada.get("/todos?limit=1&count=exact", headers={"If-None-Match": first.headers["ETag"]})

        assert response.status_code == 304
        assert await app.state.watch.since(mark) == []
        assert "cmdstat_evalsha:calls=1," in valkey.ask("INFO commandstats")
        for name in ("ETag", "Link", "X-Next-Cursor", "X-Total-Count"):
            assert response.headers[name] == first.headers[name]

    async def test_a_miss_asks_the_counter_alone(self, app, ada, valkey: Valkey):
        """When that says that nothing has changed, no todo is read."""
        await ada.new()
        first = await ada.get("/todos")
        valkey.ask("FLUSHALL")
        mark = len(await app.state.watch.since(0))

        response = await ada.get("/todos", headers={"If-None-Match": first.headers["ETag"]})

        [statement] = await app.state.watch.since(mark)
        assert response.status_code == 304
        assert "user_streams" in statement
        assert "todos" not in statement

    async def test_a_second_account_in_the_same_browser_gets_its_own(self, ada, grace):
        """The tags of two users differ, though both have made as many changes."""
        await ada.new("mine")
        await grace.new("hers")
        mine = (await ada.get("/todos")).headers["ETag"]

        response = await grace.get("/todos", headers={"If-None-Match": mine})

        assert (response.status_code, response.json()[0]["title"]) == (200, "hers")

    async def test_queries_have_tags_of_their_own(self, ada):
        """Equal tags mean equal content."""
        await ada.new()

        tags = {(await ada.get(f"/todos?{query}")).headers["ETag"] for query in ("", "limit=1", "sort=title", "skip=1")}

        assert len(tags) == 4


class TestHead:
    @pytest.mark.parametrize("slash", ["", "/"])
    async def test_answers_as_get_does(self, ada, slash):
        """With the same headers, on every route that can be read."""
        todo = await ada.new()

        for path in ("/todos", f"/todos/{todo['id']}", "/trash"):
            head, got = await ada.head(path + slash), await ada.get(path)
            assert (head.status_code, head.headers["ETag"]) == (200, got.headers["ETag"])
