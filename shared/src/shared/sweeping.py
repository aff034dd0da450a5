"""Deleting rows whose time is over, a batch at a time."""

from sqlalchemy import ColumnElement, Table, delete, select, tuple_

from shared.database import Sessions, transaction

__all__ = ["delete_old"]

BATCH = 500


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
