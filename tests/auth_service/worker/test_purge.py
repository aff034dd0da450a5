"""Accounts whose grace days are over, and the worker as a process, which can be killed at any step."""

import pytest
from redis.asyncio import Redis

from tests.auth_service.deletion.deleting import delete, let_grace_pass, status_of
from tests.waiting import until

START_SECONDS = 60
STEPS = {
    "sessions": "DELETE FROM users",
    "pending_registrations": "DELETE FROM pending_registrations",
    "audit_events": "UPDATE audit_events",
    "outbox": "INSERT INTO outbox",
}
"""What a purge writes to after the user's row, and by which statement."""


@pytest.fixture
async def lapsed(service):
    """Somebody whose grace days are over."""
    ada = await service.register()
    assert (await delete(ada)).status_code == 202
    await let_grace_pass(service, ada)
    return ada


@pytest.fixture
def left(sql):
    """`await left()`: how many rows there are of whatever a purge changes."""

    async def left():
        counts = {name: await sql.fetchval(f"SELECT count(*) FROM {name}") for name in ("users", "sessions")}
        counts["stripped"] = await sql.fetchval("SELECT count(*) FROM audit_events WHERE user_agent IS NULL")
        counts["purged"] = await sql.fetchval("SELECT count(*) FROM audit_events WHERE type = 'purged'")
        counts["told"] = await sql.fetchval("SELECT count(*) FROM outbox WHERE type = 'user.deleted'")
        return counts

    return left


UNTOUCHED = {"users": 1, "sessions": 1, "stripped": 0, "purged": 0, "told": 0}
DONE = {"users": 0, "sessions": 0, "stripped": 4, "purged": 1, "told": 1}


class TestTheWorker:
    async def test_purges(self, service, lapsed, left, new_worker, redis_url):
        """Soon after the last day, and every service hears of it."""
        new_worker()

        async def is_told():
            async with Redis.from_url(redis_url, decode_responses=True) as redis:
                told = [fields["user_id"] for _, fields in await redis.xrange("auth:events")]
            return told == [lapsed.answer["user"]["id"]]

        await until(is_told, START_SECONDS)
        assert await left() == DONE
        assert await status_of(service, lapsed) is None

    async def test_mails_whoever_is_gone_already(self, lapsed, left, new_worker, post_office):
        """With no day of grace the mail goes out beside the purge, or after it."""
        new_worker()

        await until(lambda: post_office.letters, START_SECONDS)

        assert post_office.subjects() == ["Your account will be deleted"]
        assert post_office.recipients == [lapsed.email]

    @pytest.mark.parametrize("table", STEPS)
    async def test_may_be_killed_at_any_step(self, service, sql, lapsed, left, new_worker, table):
        """Then nothing has happened; the next one does all of it, once."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND starts_with(query, :step)"
        async with sql.transaction():
            # Whoever wants to write to it waits.
            await sql.execute(f"LOCK TABLE {table} IN SHARE MODE")
            worker = new_worker()
            await until(lambda: service.sql(waiting, step=STEPS[table]), START_SECONDS)
            worker.kill()
        assert await left() == UNTOUCHED

        new_worker()

        await until(lambda: _is(left, DONE), START_SECONDS)


async def _is(left, expected):
    return await left() == expected
