"""An account that is deleted, at every service of the set; its days of grace are none here."""

import asyncpg
import pytest

from tests.waiting import until

# It looks into the databases of a set of its own.
pytestmark = pytest.mark.kills

PURGE_SECONDS = 60

STILL_PERSONAL = "(ip IS NOT NULL OR user_agent IS NOT NULL OR detail <> '{}')"
ROWS = {
    "todo": (
        "SELECT count(*) FROM todos WHERE user_id = $1",
        "SELECT count(*) FROM outbox WHERE user_id = $1",
        "SELECT count(*) FROM idempotency_keys WHERE user_id = $1",
    ),
    "auth": (
        "SELECT count(*) FROM users WHERE id::text = $1",
        "SELECT count(*) FROM sessions WHERE user_id::text = $1",
        f"SELECT count(*) FROM audit_events WHERE user_id::text = $1 AND {STILL_PERSONAL}",
    ),
}


@pytest.fixture
async def rows_of(running_set):
    """`await rows_of(user_id)`: how many rows each service has of somebody."""
    urls = running_set.stack()["databases"]
    databases = {name: await asyncpg.connect(urls[name]) for name in ROWS}

    async def rows_of(user_id):
        return {
            name: [await databases[name].fetchval(count, user_id) for count in counts] for name, counts in ROWS.items()
        }

    yield rows_of
    for database in databases.values():
        await database.close()


class TestADeletedAccount:
    async def test_leaves_nothing_at_any_service(self, new_person, rows_of, mail_arrives):
        """Its tokens are dead, its todos go, nothing personal is left, and its owner has heard of it."""
        ada, grace = await new_person(), await new_person()
        user_id = (await ada.client.get("/auth/me")).json()["id"]
        for title in ("Buy milk", "Call grandma"):
            key = {"Idempotency-Key": title.replace(" ", "-")}
            assert (await ada.client.post("/todos", json={"title": title}, headers=key)).status_code == 201
        await grace.create("Feed the cat")
        assert all(all(counts) for counts in (await rows_of(user_id)).values())

        assert (await ada.client.delete("/auth/me")).status_code == 202

        await until(lambda: _is_refused(ada))
        await until(lambda: _is_gone(rows_of, user_id), PURGE_SECONDS)
        await mail_arrives(ada.email, "Your account will be deleted")
        login = await ada.client.post("/auth/login", json={"email": ada.email, "password": ada.password})
        assert login.json()["code"] == "invalid_credentials"
        assert await grace.titles() == ["Feed the cat"]


async def _is_refused(person):
    return [(await person.client.get(path)).status_code for path in ("/auth/me", "/todos")] == [401, 401]


async def _is_gone(rows_of, user_id):
    return not any(any(counts) for counts in (await rows_of(user_id)).values())
