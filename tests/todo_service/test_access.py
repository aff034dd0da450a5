"""Who may do what: every action without a token, for a stranger, and without its scope."""

from uuid import uuid4

import pytest

from shared.caller import InsufficientScope
from tests.todo_service.harness import assert_problem
from todo_service.todos.errors import TodoNotFound

ACTIONS = [
    ("GET", "/todos", None),
    ("POST", "/todos", {"title": "x"}),
    ("GET", "/todos/{id}", None),
    ("PATCH", "/todos/{id}", {"title": "x"}),
    ("DELETE", "/todos/{id}", None),
]
ON_ONE = [action for action in ACTIONS if "{id}" in action[1]]
BOTH = pytest.mark.parametrize("slash", ["", "/"])


@BOTH
@pytest.mark.parametrize(("method", "path", "body"), ACTIONS)
class TestEveryAction:
    async def test_needs_a_token(self, nobody, method, path, body, slash):
        """Without a token the answer is 401 and says how to authenticate."""
        response = await nobody.request(method, path.format(id=uuid4()) + slash, json=body)

        assert response.status_code == 401
        assert response.json()["code"] == "missing_token"
        assert response.headers["WWW-Authenticate"] == "Bearer"

    async def test_refuses_an_invalid_token(self, nobody, method, path, body, slash):
        """A token that does not verify is 401, and the challenge says why."""
        headers = {"Authorization": "Bearer e30.e30.e30"}

        response = await nobody.request(method, path.format(id=uuid4()) + slash, json=body, headers=headers)

        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'

    async def test_needs_its_scope(self, client_for, method, path, body, slash):
        """A token that names scopes must name the one of the action."""
        other = client_for("ada", scope="todos:write" if method == "GET" else "todos:read")

        response = await other.request(method, path.format(id=uuid4()) + slash, json=body)

        assert_problem(response, InsufficientScope)

    async def test_works_with_its_scope(self, client_for, ada, method, path, body, slash):
        """That one scope is enough."""
        todo = await ada.new()
        scoped = client_for("ada", scope="todos:read" if method == "GET" else "todos:write")

        response = await scoped.request(method, path.format(id=todo["id"]) + slash, json=body)

        assert response.is_success, response.text


@pytest.mark.parametrize(("method", "path", "body"), ON_ONE)
class TestAStranger:
    async def test_someone_elses_is_as_missing(self, ada, grace, method, path, body):
        """A stranger cannot tell your todo from one that never existed, and changes nothing."""
        todo = await ada.new()

        response = await grace.request(method, path.format(id=todo["id"]), json=body)

        assert_problem(response, TodoNotFound)
        assert (await ada.get(f"/todos/{todo['id']}")).json() == todo

    async def test_what_never_was_is_missing(self, ada, method, path, body):
        """An unknown id is 404."""
        assert_problem(await ada.request(method, path.format(id=uuid4()), json=body), TodoNotFound)

    async def test_what_is_no_uuid_is_refused(self, ada, method, path, body):
        """An id that cannot be one is 422 and named."""
        response = await ada.request(method, path.format(id="7"), json=body)

        assert response.status_code == 422
        assert response.json()["errors"][0]["loc"] == ["path", "todo_id"]


class TestLists:
    async def test_show_the_callers_todos_only(self, ada, grace):
        """The same query of two users never shares a page, cached or not."""
        await ada.new("mine")
        await grace.new("hers")

        for _ in range(2):
            assert await ada.titles("limit=5") == ["mine"]
            assert await grace.titles("limit=5") == ["hers"]

    async def test_an_id_is_taken_for_its_owner_only(self, ada, grace):
        """Two users may choose the same id, and each has a todo of their own."""
        chosen = str(uuid4())
        await ada.new("mine", id=chosen)
        await grace.new("hers", id=chosen)

        assert (await ada.get(f"/todos/{chosen}")).json()["title"] == "mine"
        assert (await grace.get(f"/todos/{chosen}")).json()["title"] == "hers"


class TestServiceRoutes:
    @BOTH
    async def test_health_needs_no_token(self, nobody, slash):
        """`/health` says healthy to anybody."""
        response = await nobody.get(f"/health{slash}")

        assert (response.status_code, response.json()) == (200, {"status": "healthy"})

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
    async def test_are_there(self, nobody, path):
        """What operators and client generators read is public."""
        assert (await nobody.get(path)).status_code == 200

    async def test_unknown_paths_and_methods_are_problems(self, ada):
        """404 and 405 have codes too."""
        assert (await ada.get("/nothing")).json()["code"] == "not_found"
        assert (await ada.put("/todos", json={})).json()["code"] == "method_not_allowed"
