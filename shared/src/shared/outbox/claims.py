"""Taking an event in hand and saying how it ended: by compare-and-set, so that two workers never hold it at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update

from shared.database import Session
from shared.outbox.table import CONTEXT, OutboxColumns, State, core

__all__ = ["Claimed", "Outcome", "claim", "count_alike", "settle"]

CLAIMED_FOR = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that this worker has in hand, for 60 seconds; `attempts` counts this try too."""

    user_id: str
    event_id: UUID
    type: str
    payload: dict[str, object]
    request_id: str | None
    traceparent: str | None
    attempts: int


async def claim(
    session: Session, table: type[OutboxColumns], *, user_id: str, event_id: UUID, now: datetime
) -> Claimed | None:
    """Take an event in hand; None when somebody else has it, or had, or its next try is not due at `now`."""
    outbox = core(table)
    # An entry can be read before the relay has committed: hence also a row that still waits, and is due.
    is_free = or_(
        outbox.c.state == State.QUEUED,
        and_(outbox.c.state.in_([State.WAITING, State.WORKING]), outbox.c.next_at <= now),
    )
    taken = (
        update(outbox)
        .where(outbox.c.user_id == user_id, outbox.c.event_id == event_id, is_free)
        .values(state=State.WORKING, attempts=outbox.c.attempts + 1, next_at=now + CLAIMED_FOR)
        .returning(outbox.c.type, outbox.c.payload, outbox.c.attempts)
    )
    row = (await session.exec(taken)).one_or_none()
    if row is None:
        return None
    context = row.payload.pop(CONTEXT, {})
    return Claimed(
        user_id=user_id,
        event_id=event_id,
        type=row.type,
        payload=row.payload,
        request_id=context.get("request_id"),
        traceparent=context.get("traceparent"),
        attempts=row.attempts,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try ended. With `State.WAITING` there is another one, at `try_again_at`."""

    state: State
    error: str | None = None
    try_again_at: datetime | None = None


async def count_alike(session: Session, table: type[OutboxColumns], claimed: Claimed, within: timedelta) -> int:
    """Return how many events of the same user and type, but for those skipped, came `within` this time before it."""
    others, this = core(table), core(table).alias()
    found = await session.run(
        select(func.count())
        .select_from(others.join(this, others.c.user_id == this.c.user_id))
        .where(this.c.user_id == claimed.user_id, this.c.event_id == claimed.event_id)
        .where(others.c.stream == this.c.stream, others.c.type == this.c.type, others.c.state != State.SKIPPED)
        .where(others.c.event_id < this.c.event_id, others.c.created_at > this.c.created_at - within)
    )
    count: int = found.scalar_one()
    return count


async def settle(
    session: Session, table: type[OutboxColumns], claimed: Claimed, outcome: Outcome, now: datetime
) -> bool:
    """Store how the event ended, at `now`.

    Returns whether the claim still held. If not, somebody else has taken the event since, and nothing is changed.
    """
    outbox = core(table)
    times = {"done_at": now} if outcome.try_again_at is None else {"next_at": outcome.try_again_at}
    ended = (
        update(outbox)
        .where(outbox.c.user_id == claimed.user_id, outbox.c.event_id == claimed.event_id)
        .where(outbox.c.attempts == claimed.attempts)
        .values(state=outcome.state, last_error=outcome.error, **times)
        .returning(outbox.c.event_id)
    )
    return (await session.exec(ended)).one_or_none() is not None
