"""A short storm, and proof that its oracle sees what it looks for. `make chaos` lets one rage for three minutes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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


TABLES = {
    "DELETE FROM todos WHERE title = 'Shared'": "row: None instead of",
    "UPDATE todos SET title = 'Older' WHERE title = 'Shared'": "row: Todo",
    "UPDATE todos SET version = version + 1 WHERE title = 'Shared'": "row: Todo",
    f"INSERT INTO todos {DOUBLED.format(id='id')} FROM todos t": "instead of None",
    f"INSERT INTO tombstones {UNHEARD_OF}": "tombstones: ",
    "UPDATE user_streams SET seq = seq + 1": "counter (seq, live, trash): ",
    "UPDATE user_streams SET live_count = live_count + 1": "counter (seq, live, trash): ",
    "UPDATE user_streams SET trash_count = trash_count + 1": "counter (seq, live, trash): ",
}
"""Rows that are not as they were acknowledged, lost, old, doubled or uncounted, and what the oracle says of them."""

MAILS = (
    "DELETE FROM outbox",
    f"INSERT INTO outbox {DOUBLED.format(id='event_id')} FROM outbox t",
    "UPDATE outbox SET event_id = gen_random_uuid()",
    "UPDATE outbox SET state = 'dead'",
)
"""Events, one for each created todo with a mail for each, that are missing or too many."""


class TestAStorm:
    # One test, since several may run in several processes, each with a storm of its own.
    async def test_loses_nothing_and_doubles_nothing(self, subtests: pytest.Subtests):
        """Whatever is killed: each acknowledged write is there once, and every copy, counter and mail fits it.

        An oracle that sees nothing would say so too: it must see all that is then done to the tables.
        """
        with gathering(SEED) as storm:
            await storm.rage(SECONDS)
            await judge(storm)

            assert storm.tally.kills
            assert storm.tally.acknowledged.total() > 0
            assert storm.tally.faults == [], report(storm.tally, SEED, SECONDS)
            for sabotage, seen in TABLES.items():
                with subtests.test(sabotage):
                    async with sabotaged(storm, sabotage) as database:
                        await Tables(database, storm.tally).compare(storm.accounts[0])
                    assert any(seen in fault for fault in storm.tally.faults), storm.tally.faults
            for sabotage in MAILS:
                with subtests.test(sabotage):
                    async with sabotaged(storm, sabotage) as database:
                        await Tables(database, storm.tally).compare_mails(storm.accounts[0], storm.letters)
                    assert storm.tally.faults


@asynccontextmanager
async def sabotaged(storm: Storm, sabotage: str) -> AsyncIterator[asyncpg.Connection]:
    """Give the todo-service's database, in a transaction that is rolled back, and a tally without a fault."""
    storm.tally.faults.clear()
    connection = await asyncpg.connect(storm.database_url)
    try:
        await connection.execute("BEGIN")
        await connection.execute(sabotage)
        yield connection
    finally:
        await connection.close()
