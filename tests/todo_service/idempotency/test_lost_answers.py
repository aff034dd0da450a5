"""A process dies in the middle of a write: sent again with its key, the write has happened exactly once."""

import asyncio

import httpx
import pytest

from tests.todo_service.harness import Caller, running, token
from tests.todo_service.processes import started
from tests.todo_service.wire import COMMIT, COMMITTED, wire_to
from tests.waiting import until

pytestmark = pytest.mark.kills

OWN_ID = "019ab1c2-7d3e-7b5a-9c40-5f0d8a3b6e21"
BODIES = {"ada": {"title": "x"}, "grace": {"title": "x", "id": OWN_ID}}
STORED = """
SELECT (SELECT count(*) FROM todos WHERE user_id = $1 AND deleted_at IS NULL) AS todos,
       (SELECT count(*) FROM outbox WHERE user_id = $1) AS mails,
       (SELECT count(*) FROM idempotency_keys WHERE user_id = $1) AS keys,
       (SELECT max(seq) FROM user_streams WHERE user_id = $1) AS seq
"""
KEY = {"Idempotency-Key": "k"}


def bearer(user_id: str) -> dict[str, str]:
    """Return the header field of a user's requests."""
    return {"Authorization": f"Bearer {token(user_id)}"}


async def trashed(client: httpx.AsyncClient, user_id: str) -> str:
    """Delete a new todo of the user, and return its path."""
    created = await client.post("/todos", json={"title": "x"}, headers=bearer(user_id))
    path = created.headers["Location"]
    assert (await client.delete(path, headers=bearer(user_id))).status_code == 204
    return path


class TestAKilledProcess:
    @pytest.mark.parametrize("stops", [{"requests": (COMMIT,)}, {"answers": (COMMITTED,)}], ids=["before", "after"])
    async def test_leaves_each_write_done_once_or_not_at_all(self, url, redis_url, sql, stops):
        """Before COMMIT nothing has happened and the repeat does it; after it, the repeat gets the lost answer."""
        async with wire_to(url) as (wire, wired_url), started(wired_url, redis_url) as service:
            path = await trashed(service.client, "lin")
            requests = {user: ("/todos", body) for user, body in BODIES.items()} | {"lin": (f"{path}/restore", None)}
            wire.stop_at(**stops)
            lost = [
                asyncio.ensure_future(service.client.post(to, json=body, headers=bearer(user) | KEY))
                for user, (to, body) in requests.items()
            ]
            await until(lambda: wire.silent == len(requests))
            await service.kill()
            answers = await asyncio.gather(*lost, return_exceptions=True)
            assert all(isinstance(answer, httpx.TransportError) for answer in answers), answers

        async with running(url, redis_url) as replica:
            for user, (to, body) in requests.items():
                async with Caller(replica, user) as caller:
                    first, second = [await caller.post(to, json=body, headers=KEY) for _ in range(2)]
                    assert first.is_success
                    assert ("Idempotency-Replayed" in first.headers) == ("answers" in stops)
                    assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")
                    assert [first.json()] == (await caller.get("/todos")).json()

        assert [tuple(await sql.fetchrow(STORED, user)) for user in ("ada", "grace", "lin")] == [
            (1, 1, 1, 1),
            (1, 1, 1, 1),
            (1, 1, 1, 3),
        ]
