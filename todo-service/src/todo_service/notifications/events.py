"""The events that are mailed: what is recorded of them, in the transaction of what happened."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Insert

from shared.outbox import Event, record
from shared.tokens import Principal
from todo_service.notifications.addresses import is_address
from todo_service.notifications.models import Outbox

__all__ = ["STREAM", "TODO_CREATED", "TodoCreated", "todo_created"]

STREAM = "todo:events"
TODO_CREATED = "todo.created"


class TodoCreated(BaseModel):
    """The payload of `todo.created`."""

    model_config = ConfigDict(frozen=True)

    todo_id: UUID
    title: str
    email: str


def todo_created(principal: Principal, todo_id: UUID, title: str, now: datetime) -> Insert | None:
    """Return the INSERT that announces a new todo to its owner; None when their token names no address to write to."""
    email = principal.email
    if email is None or not is_address(email):
        return None
    payload = TodoCreated(todo_id=todo_id, title=title, email=email).model_dump(mode="json")
    return record(Outbox, Event(principal.id, STREAM, TODO_CREATED, payload), now)
