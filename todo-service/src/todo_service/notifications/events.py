"""The events that are mailed: what is recorded of them, in the transaction of what happened."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Insert

from shared.mail.addresses import is_address
from shared.outbox import Event, record, recorded, recording
from shared.tokens import Principal
from todo_service.notifications.models import Outbox

__all__ = ["ANY", "STREAM", "TODO_CREATED", "Announcement", "TodoCreated", "todo_created"]

STREAM = "todo:events"
TODO_CREATED = "todo.created"


class TodoCreated(BaseModel):
    """The payload of `todo.created`."""

    model_config = ConfigDict(frozen=True)

    todo_id: UUID
    title: str
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
    email = principal.email
    if email is None or not is_address(email):
        return None
    payload = {"todo_id": str(todo_id), "title": title, "email": email}
    return Announcement(Event(principal.id, STREAM, TODO_CREATED, payload), now)
