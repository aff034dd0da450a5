"""A short storm, and proof that its oracle sees what it looks for. `make chaos` lets one rage for three minutes."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.chaos.report import report
from tests.chaos.run import gathering
from tests.chaos.storm import Storm
from tests.chaos.tables import Tables
from tests.chaos.verdict import judge

pytestmark = pytest.mark.kills

SEED, SECONDS = 3, 15.0

OTHER = "jsonb_build_object('{id}', gen_random_uuid(), 'seq', random(100000, 200000))"
UNHEARD_OF = "SELECT user_id, 1, gen_random_uuid(), seq + 1, now() FROM user_streams"
DOUBLED = f"SELECT (jsonb_populate_record(t, {OTHER})).*"
"""Each row of a table once more, with an id and a number of its own."""


@pytest.fixture(scope="module")
async def storm() -> AsyncIterator[Storm]:
    """A storm that is over, and has been judged."""
    with gathering(SEED) as storm:
        await storm.rage(SECONDS)
        await judge(storm)
        yield storm


@pytest.fixture
async def database(storm: Storm) -> AsyncIterator[asyncpg.Connection]:
    """The todo-service's database, in a transaction that is rolled back."""
    connection = await asyncpg.connect(storm.database_url)
    await connection.execute("BEGIN")
    yield connection
    await connection.close()


class TestAStorm:
    async def test_loses_nothing_and_doubles_nothing(self, storm):
        """Whatever is killed: each acknowledged write is there once, and every copy, counter and mail fits it."""
        assert storm.tally.kills
        assert storm.tally.acknowledged.total() > 0
        assert storm.tally.faults == [], report(storm.tally, SEED, SECONDS)


class TestTheOracle:
    @pytest.mark.parametrize(
        ("sabotage", "seen"),
        [
            ("DELETE FROM todos WHERE title = 'Shared'", "row: None instead of"),
            ("UPDATE todos SET title = 'Older' WHERE title = 'Shared'", "row: Todo"),
            ("UPDATE todos SET version = version + 1 WHERE title = 'Shared'", "row: Todo"),
            (f"INSERT INTO todos {DOUBLED.format(id='id')} FROM todos t", "instead of None"),
            (f"INSERT INTO tombstones {UNHEARD_OF}", "tombstones: "),
            ("UPDATE user_streams SET seq = seq + 1", "counter (seq, live, trash): "),
            ("UPDATE user_streams SET live_count = live_count + 1", "counter (seq, live, trash): "),
            ("UPDATE user_streams SET trash_count = trash_count + 1", "counter (seq, live, trash): "),
        ],
    )
    async def test_sees_a_row_that_is_not_as_acknowledged(self, storm, database, sabotage, seen):
        """Lost, old, doubled, uncounted: each is a fault."""
        storm.tally.faults.clear()
        await database.execute(sabotage)

        await Tables(database, storm.tally).compare(storm.accounts[0])

        assert any(seen in fault for fault in storm.tally.faults), storm.tally.faults

    @pytest.mark.parametrize(
        "sabotage",
        [
            "DELETE FROM outbox",
            f"INSERT INTO outbox {DOUBLED.format(id='event_id')} FROM outbox t",
            "UPDATE outbox SET event_id = gen_random_uuid()",
            "UPDATE outbox SET state = 'dead'",
        ],
    )
    async def test_sees_an_event_or_a_mail_that_is_missing_or_too_many(self, storm, database, sabotage):
        """One event for each created todo, and a mail for each event."""
        storm.tally.faults.clear()
        await database.execute(sabotage)

        await Tables(database, storm.tally).compare_mails(storm.accounts[0], storm.letters)

        assert storm.tally.faults
