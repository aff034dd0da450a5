"""What an operator asks of the worker's image, as the README shows it."""

import pytest


class TestDeadMails:
    async def test_list(self, run, account, sql):
        """One line each, with why it was given up, and nothing of its content."""
        await account("ada", rows=2)
        await sql.execute(
            """UPDATE outbox SET state = 'dead', attempts = 7, done_at = now(), last_error = 'no such mailbox',
               payload = '{"title": "secret", "email": "ada@example.com"}'
               WHERE event_id = (SELECT event_id FROM outbox LIMIT 1)"""
        )
        event_id = await sql.fetchval("SELECT event_id FROM outbox WHERE state = 'dead'")

        status, said = await run("dead", "list")

        assert status == 0
        [line] = said.splitlines()
        assert line.startswith(str(event_id))
        assert line.endswith("todo.created  user=ada  attempts=7  no such mailbox")

    async def test_requeue(self, run, account, sql):
        """They are tried again as if they were new; with ids, those alone."""
        await account("ada", rows=3)
        await sql.execute("UPDATE outbox SET state = 'dead', attempts = 7, done_at = now(), last_error = 'x'")
        first = await sql.fetchval("SELECT event_id FROM outbox LIMIT 1")

        assert await run("dead", "requeue", str(first)) == (0, "requeued 1\n")
        [row] = await sql.fetch("SELECT * FROM outbox WHERE state = 'waiting'")
        assert (row["event_id"], row["attempts"], row["done_at"], row["last_error"]) == (first, 0, None, None)
        assert await run("dead", "requeue") == (0, "requeued 2\n")


class TestAccounts:
    async def test_purge_user(self, run, account, rows_of):
        """Everything of theirs goes, whatever tables there are; it says how much."""
        await account("ada")
        await account("grace")

        status, said = await run("purge-user", "ada")

        assert (status, said) == (0, f"purged ada: {3 * len(await rows_of('ada'))} rows\n")
        assert set((await rows_of("ada")).values()) == {0}
        assert set((await rows_of("grace")).values()) == {3}

    async def test_new_epoch(self, run, account, sql):
        """Everybody's numbers belong to a line of their own from then on, and their lists are cleared."""
        for user in ("ada", "grace"):
            await account(user)
        before = {row["epoch"] for row in await sql.fetch("SELECT epoch FROM user_streams")}

        assert await run("new-epoch") == (0, "new epochs: 2\n")

        after = {row["epoch"] for row in await sql.fetch("SELECT epoch FROM user_streams")}
        assert len(before | after) == 4


class TestUsage:
    @pytest.mark.parametrize("words", [["dead"], ["dead", "bury"], ["purge-user"], ["purge-user", ""], ["nonsense"]])
    async def test_a_wrong_command(self, run, words):
        """It says how to ask, and exits with 2."""
        status, said = await run(*words)

        assert status == 2
        assert said.startswith("usage: python -m todo_service.worker")
