"""The database's schema: what Alembic makes is what the models say, and no service touches another's."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic.script import ScriptDirectory

from todo_service.tables import SCHEMA

NEW_COUNTER = "INSERT INTO user_streams (user_id, epoch, seq, live_count) VALUES ('ada', gen_random_uuid(), 2, -2)"

SERVICE = Path(__file__).resolve().parents[2] / "todo-service"

OLD_TODO = """
INSERT INTO todos (user_id, id, title, created_at, updated_at, search_text, title_key)
VALUES ($1, gen_random_uuid(), $2::int::text, to_timestamp($2::int), now(), '', '')
"""


async def alembic(url: str, *command: str) -> tuple[int, str]:
    """Run Alembic as `make up` does; return its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alembic", *command,
        cwd=SERVICE,
        env={**os.environ, "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(120):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


class TestMigrations:
    def test_end_in_the_one_that_the_code_names(self):
        """The code names the newest migration, and the names of all sort as they follow each other."""
        migrations = ScriptDirectory(str(SERVICE / "migrations"))

        newest_first = [migration.revision for migration in migrations.walk_revisions()]

        assert newest_first[0] == SCHEMA
        assert newest_first == sorted(newest_first, reverse=True)

    async def test_give_what_the_models_say(self, migrated_database):
        """`alembic check` finds nothing to migrate."""
        status, output = await alembic(await migrated_database("todo"), "check")

        assert status == 0, output

    async def test_can_be_taken_back(self, migrated_database):
        """Down to nothing, and up again."""
        url = await migrated_database("todo")

        for command in (("downgrade", "base"), ("upgrade", "head")):
            status, output = await alembic(url, *command)
            assert status == 0, output

    async def test_five_at_once_apply_them_once(self, new_database):
        """The others wait for the first and find nothing left to do."""
        url = await new_database("todo")

        answers = await asyncio.gather(*(alembic(url, "upgrade", "head") for _ in range(5)))

        assert [status for status, _ in answers] == [0] * 5, answers

    async def test_number_what_the_release_before_has_written(self, new_database):
        """In the order of creation, each user for themselves; and run again, they go on."""
        url = await new_database("todo")
        assert await alembic(url, "upgrade", "2026_11_23_changes") == (0, "")
        connection = await asyncpg.connect(url)
        await connection.executemany(OLD_TODO, [("ada", 3), ("ada", 1), ("grace", 5), ("ada", 2)])

        status, output = await alembic(url, "upgrade", "head")

        assert status == 0, output
        numbered = await connection.fetch("SELECT user_id, title, seq, version FROM todos ORDER BY user_id, seq")
        assert [tuple(row) for row in numbered] == [
            ("ada", "1", 1, 1), ("ada", "2", 2, 1), ("ada", "3", 3, 1), ("grace", "5", 1, 1),
        ]  # fmt: skip
        counters = await connection.fetch("SELECT user_id, seq, live_count, trash_count FROM user_streams ORDER BY 1")
        assert [tuple(row) for row in counters] == [("ada", 3, 3, 0), ("grace", 1, 1, 0)]
        await connection.close()

    async def test_know_nothing_of_what_both_releases_wrote(self, new_database):
        """Counts are right and every copy is begun anew, also where the release before wrote beside this one."""
        url = await new_database("todo")
        assert await alembic(url, "upgrade", "2026_11_23_changes") == (0, "")
        connection = await asyncpg.connect(url)
        await connection.executemany(OLD_TODO, [("ada", 1), ("ada", 2)])
        await connection.execute(NEW_COUNTER)
        epoch = await connection.fetchval("SELECT epoch FROM user_streams")
        await connection.execute("UPDATE todos SET seq = title::int, deleted_at = now()")

        status, output = await alembic(url, "upgrade", "head")

        assert status == 0, output
        [counter] = await connection.fetch("SELECT * FROM user_streams")
        assert (counter["seq"], counter["live_count"], counter["trash_count"]) == (2, 0, 2)
        assert counter["epoch"] != epoch
        await connection.close()


class TestConstraints:
    @pytest.mark.parametrize(
        "wrong",
        [
            "title = ''",
            "title = repeat('a', 201)",
            "description = repeat('a', 1001)",
            "completed = true",
            "priority = 6",
        ],
    )
    async def test_hold_what_the_service_promises(self, ada, table, wrong):
        """Also against whoever writes past the service."""
        todo = await ada.new()

        with pytest.raises(asyncpg.CheckViolationError):
            await table.execute(f"UPDATE todos SET {wrong} WHERE id = $1", todo["id"])
