"""Deleting what nobody asks about any more."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, or_

from shared.database import Sessions
from shared.lifespan import repeat
from shared.outbox.table import OutboxColumns, State, core
from shared.sweeping import delete_old

__all__ = ["sweep", "sweep_hourly"]

EVERY_SECONDS = 3600.0

KEPT_AFTER_SUCCESS, KEPT_AFTER_DEATH = timedelta(days=7), timedelta(days=30)
BATCH = 10_000


async def sweep_hourly(
    sessions: Sessions, table: type[OutboxColumns], *, stop: asyncio.Event, beat: Callable[[], None]
) -> None:
    """Sweep now and every hour until `stop`, calling `beat` more often; raises what `transaction` raises."""
    await repeat(lambda: sweep(sessions, table), EVERY_SECONDS, stop=stop, beat=beat)


async def sweep(sessions: Sessions, table: type[OutboxColumns]) -> int:
    """Delete what ended long ago: a week for what was done or skipped, thirty days for the dead. Return how many."""
    outbox, now = core(table), datetime.now(UTC)
    is_old = or_(
        and_(outbox.c.state.in_([State.DONE, State.SKIPPED]), outbox.c.done_at < now - KEPT_AFTER_SUCCESS),
        and_(outbox.c.state == State.DEAD, outbox.c.done_at < now - KEPT_AFTER_DEATH),
    )
    return await delete_old(sessions, outbox, is_old, sweep="outbox_sweep", batch=BATCH)
