"""How much one user may have."""

from uuid import uuid4

import pytest

from tests.todo_service.harness import assert_problem, running
from todo_service.changes.errors import QuotaExceeded


class TestQuotas:
    @pytest.fixture
    async def small(self, todo_database_url, valkey):
        """A service where a user has room for two todos, and three with the trash."""
        async with running(todo_database_url, valkey.url, max_todos=2, max_rows=3) as app:
            yield app

    @pytest.mark.parametrize("own_id", [True, False])
    async def test_bound_what_is_live(self, small, client_for, own_id):
        """The third todo is refused, with the limit and how many there are."""
        ada = client_for("ada", on=small)
        await ada.new()
        await ada.new()
        body = {"title": "x"} | ({"id": str(uuid4())} if own_id else {})

        response = await ada.post("/todos", json=body)

        problem = assert_problem(response, QuotaExceeded)
        assert (problem["limit"], problem["current"]) == (2, 2)
        assert len(await ada.titles()) == 2
        assert (await ada.patch(f"/todos/{(await ada.get('/todos')).json()[0]['id']}", json={})).headers[
            "X-Sync-Seq"
        ] == "2"

    @pytest.mark.parametrize("own_id", [True, False])
    async def test_bound_what_is_there_with_the_trash(self, small, client_for, own_id):
        """Emptying it makes room."""
        ada = client_for("ada", on=small)
        for _ in range(3):
            await ada.delete(f"/todos/{(await ada.new())['id']}")
        body = {"title": "x"} | ({"id": str(uuid4())} if own_id else {})

        problem = assert_problem(await ada.post("/todos", json=body), QuotaExceeded)
        await ada.delete("/trash")

        assert (problem["limit"], problem["current"]) == (3, 3)
        assert (await ada.post("/todos", json=body)).status_code == 201

    async def test_bound_what_comes_back(self, small, client_for):
        """A restore needs room too, for one more that is live."""
        ada = client_for("ada", on=small)
        todo = await ada.new()
        await ada.delete(f"/todos/{todo['id']}")
        await ada.new()
        await ada.new()

        response = await ada.post(f"/todos/{todo['id']}/restore")

        assert assert_problem(response, QuotaExceeded)["limit"] == 2
        assert len((await ada.get("/trash")).json()) == 1
