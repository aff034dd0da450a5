"""The tables are made by Alembic, and are what the models say."""

import asyncio
import os
import sys

from alembic.script import ScriptDirectory

from auth_service.tables import SCHEMA
from tests.servers import PROJECT


async def alembic(url, *arguments):
    """Run Alembic as operators do, and return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alembic", *arguments),
        cwd=PROJECT / "auth-service",
        env=os.environ | {"DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


class TestMigrations:
    def test_end_in_the_one_that_the_code_names(self):
        """The code names the newest migration, and the names of all sort as they follow each other."""
        migrations = ScriptDirectory(str(PROJECT / "auth-service" / "migrations"))

        newest_first = [migration.revision for migration in migrations.walk_revisions()]

        assert newest_first[0] == SCHEMA
        assert newest_first == sorted(newest_first, reverse=True)

    async def test_lead_to_the_models(self, migrated_database):
        """Nothing that the models know is missing from the migrated tables."""
        status, said = await alembic(await migrated_database("auth"), "check")

        assert status == 0, said

    async def test_can_be_taken_back(self, migrated_database):
        """From the newest schema to nothing, and there again."""
        url = await migrated_database("auth")

        for steps in (("downgrade", "base"), ("upgrade", "head")):
            status, said = await alembic(url, *steps)
            assert status == 0, said
