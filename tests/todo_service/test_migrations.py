"""The database's schema: what Alembic makes is what the models say, and no service touches another's."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg
import pytest

SERVICE = Path(__file__).resolve().parents[2] / "todo-service"


async def alembic(url: str, *command: str) -> tuple[int, str]:
    """Run Alembic as `make up` does; return its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "alembic", *command,
        cwd=SERVICE,
        env={**os.environ, "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


class TestMigrations:
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
