"""What a route asks for whose work must not be done twice, and what it documents then."""

from typing import Annotated

from fastapi import Depends, Request

from shared.request_session import SessionDep
from todo_service.callers import Writer
from todo_service.changes.dependencies import MyTurn
from todo_service.changes.idempotency.errors import IdempotencyKeyReused, InvalidIdempotencyKey
from todo_service.changes.idempotency.header import read_key
from todo_service.changes.idempotency.repository import KeyRepository
from todo_service.changes.idempotency.service import Keyed

__all__ = ["IDEMPOTENCY_KEY", "OF_KEYS", "REPLAYED", "Once"]

OF_KEYS = (InvalidIdempotencyKey, IdempotencyKeyReused)

IDEMPOTENCY_KEY: dict[str, object] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Text of your own for this request only, such as a UUID. Send the request again with the same "
    "key when you heard no answer: it is done once, and for a day you get the answer of the first time.",
    "schema": {"type": "string", "pattern": "^[!#-~]{1,255}$"},
}
REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` when the request had been done before, and this is what it was answered then.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


async def once(request: Request, session: SessionDep, user: Writer, turn: MyTurn) -> Keyed:
    """Return the write that the request asks for, with its key. Raises `InvalidIdempotencyKey`."""
    key = read_key(request.headers.getlist("idempotency-key"))
    # A condition belongs to the request, and who repeats it repeats the condition.
    target = (request.method, request.scope["path"], *request.headers.getlist("if-match"))
    return Keyed(turn, KeyRepository(session, user.id), key, "\n".join(target))


Once = Annotated[Keyed, Depends(once)]
"""The request as something that may come again: `await once.answer(body, work)` does the work once for each key."""
