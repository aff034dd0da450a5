"""What is kept for a time only goes when the time is over."""

from datetime import timedelta

from todo_service.changes.purge import sweep_expired
from todo_service.changes.turns import Quota, Writers
from todo_service.sweeps import sweep_tombstones, sweep_trash

DAY = timedelta(hours=24)


class TestSweeping:
    async def test_stored_answers(self, sessions, account, sql):
        """They go after their hours, and not before."""
        await account("ada", rows=1200)
        await sql.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key <> 'k7'")

        assert await sweep_expired(sessions, DAY) == 1199

        assert await sql.fetchval("SELECT key FROM idempotency_keys") == "k7"

    async def test_tickets(self, sessions, account, sql):
        """One that was never used goes when it is too old."""
        await account("ada", rows=2)
        await sql.execute("UPDATE event_tickets SET expires_at = now() WHERE digest = sha256('1')")

        assert await sweep_expired(sessions, DAY) == 1

        assert await sql.fetchval("SELECT count(*) FROM event_tickets") == 1

    async def test_tombstones_beside_those_of_an_ended_account(self, sessions, account, sql):
        """What a purge that was killed has left holds up nobody else's."""
        await account("ada", rows=600)
        await account("grace")
        await sql.execute("UPDATE tombstones SET deleted_at = now() - interval '91 days'")
        await sql.execute("UPDATE user_streams SET purged_at = now() WHERE user_id = 'ada'")

        async def announce(user_id, seq):
            """Nobody listens."""

        assert await sweep_tombstones(sessions, Writers(announce, Quota()), timedelta(days=90)) == 3

        assert {row["user_id"] for row in await sql.fetch("SELECT user_id FROM tombstones")} == {"ada"}

    async def test_old_trash_beside_that_of_an_ended_account(self, sessions, account, sql):
        """What a purge that was killed has left holds up nobody else's."""
        await account("ada", rows=600)
        await account("grace")
        await sql.execute("UPDATE todos SET deleted_at = now() - interval '31 days'")
        await sql.execute("UPDATE user_streams SET trash_count = trash_count + live_count, live_count = 0")
        await sql.execute("UPDATE user_streams SET purged_at = now() WHERE user_id = 'ada'")

        async def announce(user_id, seq):
            """Nobody listens."""

        assert await sweep_trash(sessions, Writers(announce, Quota()), timedelta(days=30)) > 0

        assert {row["user_id"] for row in await sql.fetch("SELECT user_id FROM todos")} == {"ada"}

    async def test_marks_of_ended_accounts(self, sessions, account, purge, sql):
        """A mark goes after thirty days; accounts that live have none."""
        for user in ("ada", "grace", "lin"):
            await account(user)
        await purge.purge("ada")
        await purge.purge("grace")
        await sql.execute("UPDATE user_streams SET purged_at = now() - interval '31 days' WHERE user_id = 'ada'")

        assert await sweep_expired(sessions, DAY) == 1

        assert {row["user_id"] for row in await sql.fetch("SELECT user_id FROM user_streams")} == {"grace", "lin"}
