"""Deleting rows whose time is over, a batch at a time."""

from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from shared.database import Sessions, transaction
from shared.metrics import Collector, Counts

__all__ = ["Swept", "delete_old"]

BATCH = 500


class Swept:
    """How many rows each sweep has removed."""

    def __init__(self) -> None:
        self._rows = Counts("swept_rows_total", "Rows that were removed because their time was over.", "sweep")

    @property
    def metrics(self) -> Iterable[Collector]:
        """The rows of all sweeps."""
        return (self._rows,)

    def counted(self, sweep: str, work: Callable[[], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
        """Return `work`, which returns how many rows it removed, and is counted as `sweep`; it raises the same."""
        self._rows.add(sweep, 0)

        async def counting() -> int:
            removed = await work()
            self._rows.add(sweep, removed)
            return removed

        return counting


async def delete_old(
    sessions: Sessions, table: Table, is_old: ColumnElement[bool], *, sweep: str, batch: int = BATCH
) -> int:
    """Delete the rows of `table` that are old, under the name of the `sweep`; return how many there were.

    Raises what `transaction` raises.
    """
    key = tuple_(*table.primary_key.columns)
    some = select(*table.primary_key.columns).where(is_old).limit(batch)
    # Once more outside: what was renewed since it was found stays.
    old = delete(table).prefix_with(f"/* sweep: {sweep} */").where(key.in_(some), is_old)
    deleted = 0
    while True:
        # A transaction a batch: a backlog must not outlast the worker's transaction_timeout.
        async with transaction(sessions) as session:
            gone = (await session.run(old)).rowcount
        deleted += gone
        if gone < batch:
            return deleted
