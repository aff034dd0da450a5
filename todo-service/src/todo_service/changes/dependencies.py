"""What the routes of writes ask for: the caller's turn."""

from typing import Annotated

from fastapi import Depends, Request

from shared.request_session import SessionDep
from todo_service.callers import Writer
from todo_service.changes.counter import Turn

__all__ = ["MyTurn"]


async def my_turn(request: Request, session: SessionDep, user: Writer) -> Turn:
    """Return the caller's turn to write, which has not begun."""
    return Turn(session, user.id, request.app.state.writers)


MyTurn = Annotated[Turn, Depends(my_turn)]
"""The caller's turn to write in this request's transaction: one, whoever asks for it. The scope is `todos:write`."""
