"""A write that is held open, and how many wait for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from fastapi import FastAPI
from structlog.contextvars import bound_contextvars

from shared.database import transaction
from shared.tokens import Principal
from todo_service.changes.counter import Turn
from todo_service.todos.repository import TodoWrites
from todo_service.todos.schemas import TodoCreate
from todo_service.todos.service import TodoService

WAITERS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@asynccontextmanager
async def written(app: FastAPI, user_id: str) -> AsyncIterator[None]:
    """Create a todo in a transaction that is open until the block ends."""
    # As a request does it: the watch over all statements asks whose they are.
    with bound_contextvars(user=user_id):
        async with transaction(app.state.database.sessions) as session:
            writes = TodoWrites(session, user_id, Turn(session, user_id, app.state.writers))
            service = TodoService(writes, Principal(user_id, None), notifies=False)
            await service.create(TodoCreate(title="held open", id=uuid4()))
            yield
