"""What the routes of todos ask for: the caller's own todos."""

from typing import Annotated

from fastapi import Depends, Request

from shared.problems import (
    BodyTooLarge,
    ConstraintViolation,
    MalformedJson,
    OutcomeUnknown,
    Unprocessable,
    UnsupportedMediaType,
)
from shared.request_session import SessionDep
from shared.tokens import RevocationsStale
from todo_service.callers import OF_CALLERS, Reader, Writer
from todo_service.changes.dependencies import MyTurn
from todo_service.todos.conditions import IfMatch
from todo_service.todos.repository import TodoRepository, TodoWrites
from todo_service.todos.service import TodoService

__all__ = [
    "ALWAYS",
    "ETAG",
    "OF_BODIES",
    "OF_WRITES",
    "PERSONAL",
    "SYNC_SEQ",
    "ForVersion",
    "MyTodoService",
    "MyTodos",
]

PERSONAL = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
"""Headers of what only the caller may see again, and only after asking."""

ALWAYS = (*OF_CALLERS, Unprocessable)
OF_WRITES = (*ALWAYS, OutcomeUnknown, RevocationsStale, ConstraintViolation)
OF_BODIES = (*OF_WRITES, MalformedJson, BodyTooLarge, UnsupportedMediaType)

ETAG = {
    "ETag": {
        "description": "What to send as `If-None-Match`, and for one todo as `If-Match`.",
        "schema": {"type": "string"},
    }
}
SYNC_SEQ = {
    "X-Sync-Seq": {
        "description": "The number of this change, or of the latest one if nothing changed: `GET /changes` shows it "
        "as soon as it has come that far.",
        "schema": {"type": "integer"},
    }
}


async def readable_todos(session: SessionDep, user: Reader) -> TodoRepository:
    """Return the caller's todos."""
    return TodoRepository(session, user.id)


MyTodos = Annotated[TodoRepository, Depends(readable_todos)]
"""The caller's own todos. Asking for them requires a valid access token with the scope `todos:read`, or with none."""


async def todo_service(request: Request, session: SessionDep, user: Writer, turn: MyTurn) -> TodoService:
    """Return what the caller does with their todos."""
    notifies = request.app.state.settings.notify_todo_created == "on"
    return TodoService(TodoWrites(session, user.id, turn), user, notifies=notifies)


MyTodoService = Annotated[TodoService, Depends(todo_service)]
"""What the caller does with their own todos, with the rules of it. The scope is `todos:write`, or none."""


async def for_version(request: Request) -> IfMatch:
    """Return which version the request is made for. Raises `InvalidIfMatch`."""
    return IfMatch.read(request.headers.getlist("if-match"))


ForVersion = Annotated[IfMatch, Depends(for_version)]
"""Which version a write was made for; without `If-Match`, for any."""
