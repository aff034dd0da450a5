"""Rows whose time is over: stored answers, tickets, and the marks of accounts that ended long ago."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Table

from shared.database import Sessions, transaction
from todo_service.changes.models import EVENT_TICKETS, IDEMPOTENCY_KEYS, USER_STREAMS
from todo_service.changes.purge.repository import remove_old

__all__ = ["sweep_expired"]

BATCH = 500
STUBS_KEPT = timedelta(days=30)
"""Longer than any token should hold that could begin an ended account anew."""


async def sweep_expired(sessions: Sessions, keys_kept: timedelta) -> int:
    """Delete what nobody may use any more, and return how many rows; raises what `transaction` raises."""
    now = datetime.now(UTC)
    sweeps: tuple[tuple[str, Table, ColumnElement[bool]], ...] = (
        ("key_purge", IDEMPOTENCY_KEYS, IDEMPOTENCY_KEYS.c.created_at < now - keys_kept),
        ("ticket_purge", EVENT_TICKETS, EVENT_TICKETS.c.expires_at < now),
        ("stub_purge", USER_STREAMS, USER_STREAMS.c.purged_at < now - STUBS_KEPT),
    )
    removed = 0
    for name, table, is_old in sweeps:
        some = BATCH
        while some == BATCH:
            async with transaction(sessions) as session:
                some = await remove_old(session, table, is_old, sweep=name, limit=BATCH)
            removed += some
    return removed
