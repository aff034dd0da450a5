"""When a process may use its database."""

import asyncpg
import pytest
import structlog

from shared.database import Database

OURS = "2026_11_24_ours"


@pytest.fixture
async def url(new_database):
    """An empty database."""
    return await new_database("todo")


async def migrate_to(url: str, version: str) -> None:
    """Leave the database as Alembic does at this version."""
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num text NOT NULL)")
    await connection.execute("DELETE FROM alembic_version")
    await connection.execute("INSERT INTO alembic_version VALUES ($1)", version)
    await connection.close()


async def answer(url: str) -> str | None:
    """Return what a process says that has just started."""
    async with Database.open(url, "tests", schema=OURS) as database:
        return await database.check()


class TestTheSchema:
    @pytest.mark.parametrize("version", [OURS, "2026_11_25_of_the_next_release"])
    async def test_is_good_from_the_codes_own_on(self, url, version):
        """A database at the code's migration, or ahead of it, can be used."""
        await migrate_to(url, version)

        assert await answer(url) is None

    async def test_behind_the_code_is_told(self, url):
        """An older one cannot, and the answer says what is there, what is needed and what to do."""
        await migrate_to(url, "2026_11_23_older")

        reason = f"schema: the database is at 2026_11_23_older, the code needs {OURS}; run the migrations"
        assert await answer(url) == reason

    async def test_of_a_new_database_is_behind(self, url):
        """Where nothing was ever migrated, nothing can be used."""
        assert await answer(url) == f"schema: the database is at nothing, the code needs {OURS}; run the migrations"


class TestAsking:
    async def test_is_shared_for_a_second(self, url):
        """Many who ask at once, and those who come soon after, hear one answer."""
        await migrate_to(url, "2026_11_23_older")
        async with Database.open(url, "tests", schema=OURS) as database:
            first = await database.check()
            await migrate_to(url, OURS)

            assert [await database.check() for _ in range(3)] == [first] * 3

    async def test_is_logged_when_the_answer_changes(self, url):
        """One line says why the database cannot be used, however often it is asked for."""
        with structlog.testing.capture_logs() as lines:
            async with Database.open(url, "tests", schema=OURS) as database:
                reason = await database.check()
                await database.check()

        assert [(line["event"], line["reason"]) for line in lines] == [("database_unusable", reason)]
