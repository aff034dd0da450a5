"""What the worker removes when its time is over: the old trash, and tombstones that every client should know of.

Candidates are found without locks; then one user a transaction, under the lock that their own writes take.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from structlog.contextvars import bound_contextvars

from shared.database import Session, Sessions, transaction
from shared.tokens import InvalidToken
from todo_service.changes.counter import Turn
from todo_service.changes.tombstones import forget_some, owners_of_old
from todo_service.changes.turns import Writers
from todo_service.todos.repository import TodoWrites, owners_of_old_trash

__all__ = ["sweep_tombstones", "sweep_trash"]

BATCH = 500
MOST_TOMBSTONES = 100_000


async def sweep_trash(sessions: Sessions, writers: Writers, kept: timedelta) -> int:
    """Delete for good what is in the trash for longer than `kept`; return how many todos.

    Raises what `transaction` raises, as `sweep_tombstones` does.
    """
    before = datetime.now(UTC) - kept

    async def find(session: Session) -> list[str]:
        return await owners_of_old_trash(session, before, BATCH)

    async def remove(session: Session, user_id: str) -> int:
        todos = TodoWrites(session, user_id, Turn(session, user_id, writers))
        return await todos.bury_trash(await todos.begin(), datetime.now(UTC), at_most=BATCH, before=before)

    return await _sweep(sessions, find, remove)


async def sweep_tombstones(sessions: Sessions, writers: Writers, kept: timedelta, most: int = MOST_TOMBSTONES) -> int:
    """Delete tombstones older than `kept`, and of each user all but the newest `most`; return how many."""
    before = datetime.now(UTC) - kept

    async def find(session: Session) -> list[str]:
        return await owners_of_old(session, before, most, at_most=BATCH)

    async def remove(session: Session, user_id: str) -> int:
        turn = Turn(session, user_id, writers)
        await turn.begin()
        gone = await forget_some(session, user_id, before, most, at_most=BATCH)
        if gone:
            await turn.forget_below(max(gone))
        return len(gone)

    return await _sweep(sessions, find, remove)


async def _sweep(
    sessions: Sessions,
    find: Callable[[Session], Awaitable[list[str]]],
    remove: Callable[[Session, str], Awaitable[int]],
) -> int:
    removed = 0
    while True:
        async with transaction(sessions) as session:
            owners = await find(session)
        before = removed
        for user_id in owners:
            removed += await _of_one(sessions, user_id, remove)
        if removed == before:
            return removed


async def _of_one(sessions: Sessions, user_id: str, remove: Callable[[Session, str], Awaitable[int]]) -> int:
    removed, some = 0, BATCH
    with bound_contextvars(user=user_id):
        while some == BATCH:
            try:
                async with transaction(sessions) as session:
                    some = await remove(session, user_id)
            except InvalidToken:
                # The account has ended: the purge removes what it had.
                return removed
            removed += some
    return removed
