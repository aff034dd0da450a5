"""What happens to an event: its mail is sent, tried again later, skipped or given up."""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from uuid import UUID

import structlog
from pydantic import ValidationError

from shared.database import Sessions, transaction
from shared.logging import request_context
from shared.outbox import Claimed, Outcome, State
from shared.streams import Entry
from todo_service.notifications.events import TODO_CREATED, TODOS_CREATED, TodoCreated, TodosCreated
from todo_service.notifications.mail import Letter, Mailer, MailPostponed, MailRefused
from todo_service.notifications.repository import EventRepository

__all__ = ["Notifier"]

RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
JITTER = 0.2
"""Each pause is longer or shorter by up to this share, so that mails that failed together do not come back together."""


class UnknownEvent(Exception):
    """There is no mail for an event of this type, or its payload is not one of that type."""


class Notifier:
    """Turns entries of the stream into mails to the users that they are about."""

    def __init__(self, sessions: Sessions, mailer: Mailer, max_per_hour: int) -> None:
        """Send by `mailer`, at most `max_per_hour` mails to one user within an hour; 0 means no limit."""
        self._sessions = sessions
        self._mailer = mailer
        self._max_per_hour = max_per_hour

    async def handle(self, entry: Entry) -> None:
        """See to the event that `entry` names, unless somebody else does. Raises what `transaction` raises."""
        claimed, is_over_limit = await self._claim(entry["user_id"], UUID(entry["event_id"]))
        if claimed is None:
            return
        request_context(claimed.request_id, claimed.traceparent)
        outcome = Outcome(State.SKIPPED, "over the hourly limit") if is_over_limit else await self._send(claimed)
        _log(claimed, outcome)
        async with transaction(self._sessions) as session:
            events = EventRepository(session, claimed.user_id)
            if not await events.settle(claimed, outcome, datetime.now(UTC)):
                structlog.get_logger().warning("claim_lost", event_id=str(claimed.event_id))

    async def _claim(self, user_id: str, event_id: UUID) -> tuple[Claimed | None, bool]:
        """Return the event, and whether its user has had enough mail for this hour."""
        now = datetime.now(UTC)
        async with transaction(self._sessions) as session:
            events = EventRepository(session, user_id)
            claimed = await events.claim(event_id, now)
            if claimed is None or self._max_per_hour == 0:
                return claimed, False
            return claimed, await events.others_reach(self._max_per_hour, claimed, now)

    async def _send(self, claimed: Claimed) -> Outcome:
        try:
            await self._mailer.send(_letter(claimed))
        except (UnknownEvent, MailRefused) as fault:
            return Outcome(State.DEAD, str(fault))
        except MailPostponed as fault:
            return _postponed(claimed.attempts, str(fault))
        return Outcome(State.DONE)


def _letter(claimed: Claimed) -> Letter:
    write = LETTERS.get(claimed.type)
    if write is None:
        raise UnknownEvent(f"unknown type {claimed.type}")
    try:
        return write(claimed.event_id, claimed.payload)
    except ValidationError as error:
        raise UnknownEvent("the payload is not that of its type") from error


def _of_one(event_id: UUID, payload: Mapping[str, object]) -> Letter:
    todo = TodoCreated.model_validate(payload)
    text = f"You created a todo:\n\n{todo.title}\n"
    return Letter(id=event_id, to=todo.email, subject=f"Todo created: {todo.title}", text=text)


def _of_many(event_id: UUID, payload: Mapping[str, object]) -> Letter:
    todos = TodosCreated.model_validate(payload)
    more = todos.count - len(todos.titles)
    lines = [f"- {' '.join(title.split())}" for title in todos.titles] + ([f"and {more} more"] if more else [])
    text = f"You created {todos.count} todos:\n\n" + "\n".join(lines) + "\n"
    return Letter(id=event_id, to=todos.email, subject=f"Todos created: {todos.count}", text=text)


LETTERS: dict[str, Callable[[UUID, Mapping[str, object]], Letter]] = {TODO_CREATED: _of_one, TODOS_CREATED: _of_many}
"""What is written about an event, by its type; the payload is not trusted to be of it."""


def _postponed(attempts: int, reason: str) -> Outcome:
    """Return when to try again after so many attempts, or that it was the last."""
    if attempts > len(RETRY_AFTER):
        return Outcome(State.DEAD, f"given up after {attempts} attempts: {reason}")
    pause = RETRY_AFTER[attempts - 1] * SystemRandom().uniform(1 - JITTER, 1 + JITTER)
    return Outcome(State.WAITING, reason, try_again_at=datetime.now(UTC) + pause)


def _log(claimed: Claimed, outcome: Outcome) -> None:
    """Write one line about a try: never the address, never the title."""
    structlog.get_logger().log(
        logging.ERROR if outcome.state == State.DEAD else logging.INFO,
        "notification",
        event_id=str(claimed.event_id),
        type=claimed.type,
        user=claimed.user_id,
        outcome=outcome.state.value,
        attempts=claimed.attempts,
        error=outcome.error,
    )
