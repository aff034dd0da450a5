"""Events that were given up: to look at, and to try once more."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select, update

from shared.database import Sessions, transaction
from shared.outbox.table import OutboxColumns, State, core

__all__ = ["Dead", "list_dead", "requeue_dead"]


@dataclass(frozen=True, slots=True)
class Dead:
    """An event that was given up at `done_at`, after so many attempts, for the reason `last_error`."""

    user_id: str
    event_id: UUID
    type: str
    attempts: int
    done_at: datetime
    last_error: str | None


async def list_dead(sessions: Sessions, table: type[OutboxColumns]) -> list[Dead]:
    """Return what was given up, the oldest first; raises what `transaction` raises."""
    outbox = core(table).c
    dead = (
        select(outbox.user_id, outbox.event_id, outbox.type, outbox.attempts, outbox.done_at, outbox.last_error)
        .prefix_with("/* sweep: outbox_dead */")
        .where(outbox.state == State.DEAD)
        .order_by(outbox.done_at, outbox.event_id)
    )
    async with transaction(sessions) as session:
        return [Dead(*row) for row in (await session.run(dead)).all()]


async def requeue_dead(sessions: Sessions, table: type[OutboxColumns], only: Collection[UUID] = ()) -> int:
    """Let what was given up be tried again as if it were new, or `only` these events; return how many.

    Raises what `transaction` raises.
    """
    outbox, requeued = core(table), 0
    now = datetime.now(UTC)
    again = {"state": State.WAITING, "attempts": 0, "next_at": now, "done_at": None, "last_error": None}
    for dead in await list_dead(sessions, table):
        if only and dead.event_id not in only:
            continue
        mine = outbox.c.user_id == dead.user_id, outbox.c.event_id == dead.event_id
        alive = update(outbox).where(*mine, outbox.c.state == State.DEAD).values(again).returning(outbox.c.event_id)
        async with transaction(sessions) as session:
            requeued += len((await session.run(alive)).all())
    return requeued
