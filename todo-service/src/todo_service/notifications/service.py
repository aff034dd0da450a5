"""The mails about todos: what they say, and how many of them one user gets."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from shared.database import Session, Sessions
from shared.mail.postman import Postman
from shared.mail.smtp import Letter, Mailer
from shared.metrics import Collector
from shared.outbox import Claimed, Outcome, State
from shared.streams import Entry
from todo_service.notifications.events import TODO_CREATED, TODOS_CREATED, TodoCreated, TodosCreated
from todo_service.notifications.models import Outbox
from todo_service.notifications.repository import EventRepository

__all__ = ["Notifier"]


class UnknownEvent(Exception):
    """There is no mail for an event of this type, or its payload is not one of that type."""


class Notifier:
    """Turns entries of the stream into mails to the users that they are about."""

    def __init__(self, sessions: Sessions, mailer: Mailer, max_per_hour: int) -> None:
        """Send by `mailer`, at most `max_per_hour` mails to one user within an hour; 0 means no limit."""
        self._postman = Postman(sessions, Outbox, mailer, self._write)
        self._max_per_hour = max_per_hour

    @property
    def metrics(self) -> Iterable[Collector]:
        """What became of the mails."""
        return self._postman.metrics

    async def handle(self, entry: Entry) -> None:
        """See to the event that `entry` names, unless somebody else does. Raises what `transaction` raises."""
        await self._postman.handle(entry)

    async def _write(self, session: Session, claimed: Claimed) -> Letter | Outcome:
        """Return the letter; no letter when its user has had enough mail for this hour, or nobody knows the event."""
        if self._max_per_hour:
            events = EventRepository(session, claimed.user_id)
            if await events.others_reach(self._max_per_hour, claimed, datetime.now(UTC)):
                return Outcome(State.SKIPPED, "over the hourly limit")
        try:
            return _letter(claimed)
        except UnknownEvent as fault:
            return Outcome(State.DEAD, str(fault))


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
