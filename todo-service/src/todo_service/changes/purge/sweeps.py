"""Rows whose time is over: stored answers, tickets, and the marks of accounts that ended long ago."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, Table

from shared.database import Sessions
from shared.sweeping import delete_old
from todo_service.changes.models import EVENT_TICKETS, IDEMPOTENCY_KEYS, USER_STREAMS

__all__ = ["sweep_expired"]

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
    return sum([await delete_old(sessions, table, is_old, sweep=name) for name, table, is_old in sweeps])
