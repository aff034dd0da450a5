"""Deleting what nobody asks about any more."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, or_

from shared.database import Sessions
from shared.outbox.table import OutboxColumns, State, core
from shared.sweeping import delete_old

__all__ = ["sweep"]

KEPT_AFTER_SUCCESS, KEPT_AFTER_DEATH = timedelta(days=7), timedelta(days=30)
BATCH = 10_000


async def sweep(sessions: Sessions, table: type[OutboxColumns]) -> int:
    """Delete what ended long ago: a week for what was done or skipped, thirty days for the dead. Return how many."""
    outbox, now = core(table), datetime.now(UTC)
    is_old = or_(
        and_(outbox.c.state.in_([State.DONE, State.SKIPPED]), outbox.c.done_at < now - KEPT_AFTER_SUCCESS),
        and_(outbox.c.state == State.DEAD, outbox.c.done_at < now - KEPT_AFTER_DEATH),
    )
    return await delete_old(sessions, outbox, is_old, sweep="outbox_sweep", batch=BATCH)
