"""When the service, and its worker, get work."""

import httpx

from tests.todo_service.harness import Caller, running
from tests.waiting import until

OLDER, NEWER = "2026_11_23_changes", "2099_01_01_of_the_next_release"


async def stand_at(sql, version: str) -> None:
    """Let the database say that this is its newest migration."""
    await sql.execute("UPDATE alembic_version SET version_num = $1", version)


class TestTheService:
    async def test_waits_for_its_schema(self, url, redis_url, sql):
        """On an older schema it is not ready and says why; when the migrations have run it is, without a restart."""
        await stand_at(sql, OLDER)
        async with running(url, redis_url) as app, Caller(app, "ada") as caller:
            behind = await caller.get("/readyz")
            await stand_at(sql, NEWER)

            async def is_ready() -> bool:
                return (await caller.get("/readyz")).status_code == 200

            await until(is_ready)

        assert behind.status_code == 503
        assert OLDER in behind.json()["reason"]


class TestTheWorker:
    async def test_waits_for_its_schema(self, new_worker, sql):
        """On an older schema it is not ready, and says why in its answer and in its log."""
        await stand_at(sql, OLDER)
        worker, answers = new_worker(), []

        async def has_answered() -> bool:
            try:
                answers.append(await client.get(f"http://127.0.0.1:{worker.admin_port}/readyz"))
            except httpx.TransportError:
                return False
            return True

        async with httpx.AsyncClient() as client:
            await until(has_answered, seconds=60)

        assert answers[0].status_code == 503
        assert OLDER in answers[0].json()["reason"]
        assert OLDER in str(worker.lines("database_unusable"))
