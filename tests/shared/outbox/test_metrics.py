"""What is told of an outbox."""

import pytest

from shared.metrics import Metrics
from shared.outbox import OutboxRows
from tests.metering import read
from tests.waiting import until


@pytest.fixture
def figures(sessions, table):
    """`await figures()`: what the outbox shows now."""
    rows = OutboxRows(sessions, table)
    metrics = Metrics(rows, look_first=[rows.look])

    async def figures():
        return read(await metrics.render())

    return figures


class TestRows:
    async def test_are_told_by_state(self, figures, happens, sql):
        """Open events count from the moment of their commit; what is done counts no more."""
        await happens("ada")
        await happens("grace")
        before = await figures()
        await sql.execute("UPDATE outbox SET state = 'done' WHERE user_id = 'ada'")

        after = await figures()

        waiting = "outbox_rows{'state': 'waiting'}"
        assert (before[waiting], after[waiting]) == (2, 1)
        assert "outbox_rows{'state': 'done'}" not in after

    async def test_of_an_empty_outbox_are_zero(self, figures):
        """Nothing is waiting, and nothing for long."""
        assert set((await figures()).values()) == {0.0}

    async def test_are_left_out_while_nobody_can_tell(self, figures, happens, sql):
        """A database that keeps silent costs a second and no figure; when it speaks again they are back."""
        await happens("ada")
        async with sql.transaction():
            await sql.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
            silent = await figures()

        async def are_back():
            return (await figures()).get("outbox_rows{'state': 'waiting'}") == 1

        assert silent == {}
        await until(are_back)

    async def test_of_no_table_are_left_out(self, figures, sql):
        """Before the first migration there is nothing to tell, and no fault."""
        await sql.execute("DROP TABLE outbox")

        assert await figures() == {}
