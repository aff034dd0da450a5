"""The events that are mailed: what is recorded of them, in the transaction of what happened."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Insert

from shared.mail.addresses import is_address
from shared.outbox import Event, record, recorded, recording
from shared.tokens import Principal
from todo_service.notifications.models import Outbox

__all__ = [
    "ANY",
    "STREAM",
    "TODOS_CREATED",
    "TODO_CREATED",
    "Announcement",
    "TodoCreated",
    "TodosCreated",
    "todo_created",
    "todos_created",
]

STREAM = "todo:events"
TODO_CREATED, TODOS_CREATED = "todo.created", "todos.created"
SHOWN_TITLES = 20


class TodoCreated(BaseModel):
    """The payload of `todo.created`."""

    model_config = ConfigDict(frozen=True)

    todo_id: UUID
    title: str
    email: str


class TodosCreated(BaseModel):
    """The payload of `todos.created`."""

    model_config = ConfigDict(frozen=True)

    count: int
    titles: list[str]
    """Of the first of them."""
    email: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is to be recorded in the transaction of what happened."""

    event: Event
    at: datetime

    def insert(self) -> Insert:
        """Return the INSERT of its row."""
        return record(Outbox, self.event, self.at)

    def values(self) -> dict[str, object]:
        """Return its row's values for `ANY`."""
        return recorded(self.event, self.at)


ANY = recording(Outbox)
"""The INSERT of any announcement, for statements that are built once; `Announcement.values` are its parameters."""


def todo_created(principal: Principal, todo_id: UUID, title: str, now: datetime) -> Announcement | None:
    """Return what tells the owner of a new todo; None when their token names no address to write to."""
    return _announced(principal, TODO_CREATED, {"todo_id": str(todo_id), "title": title}, now)


def todos_created(principal: Principal, titles: Mapping[UUID, str], now: datetime) -> Announcement | None:
    """Return the one thing that tells the owner of new todos, which is `todo_created` of a single one.

    None when there are none, or no address.
    """
    if not titles:
        return None
    if len(titles) == 1:
        [(todo_id, title)] = titles.items()
        return todo_created(principal, todo_id, title, now)
    first = list(islice(titles.values(), SHOWN_TITLES))
    return _announced(principal, TODOS_CREATED, {"count": len(titles), "titles": first}, now)


def _announced(principal: Principal, kind: str, payload: Mapping[str, object], now: datetime) -> Announcement | None:
    email = principal.email
    if email is None or not is_address(email):
        return None
    return Announcement(Event(principal.id, STREAM, kind, {**payload, "email": email}), now)
