"""Telling every client to begin anew."""

from uuid import uuid4

from shared.database import Sessions, transaction
from todo_service.changes.epochs.repository import renew_epoch, users_after
from todo_service.changes.turns import Announce

__all__ = ["begin_new_epochs"]

BATCH = 1000


async def begin_new_epochs(sessions: Sessions, announce: Announce) -> int:
    """Give every user a new epoch, one user a transaction; return how many. Raises what `transaction` raises.

    Their clients get 410 at the next `GET /changes` and start over. `announce` hears of each, as of a write: cached
    lists carry the epoch too.
    """
    last, renewed = "", 0
    while True:
        async with transaction(sessions) as session:
            users = await users_after(session, last, BATCH)
        if not users:
            return renewed
        for last in users:
            await _renew(sessions, announce, last)
            renewed += 1


async def _renew(sessions: Sessions, announce: Announce, user_id: str) -> None:
    async with transaction(sessions) as session:
        session.on_end(lambda: announce(user_id, None))
        await renew_epoch(session, user_id, uuid4())
