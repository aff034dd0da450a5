"""The transaction of one request, as its route asks for it."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from shared.database import Session, transaction

__all__ = ["SessionDep", "get_session"]


async def get_session(request: Request) -> AsyncIterator[Session]:
    """Give the session of this request's one transaction."""
    async with transaction(request.app.state.database.sessions) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_session, scope="function")]
"""This request's transaction. Function scope commits before the response leaves: a failed commit is an answer."""
