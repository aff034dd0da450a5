"""Hearing from the auth-service that an account is gone."""

import asyncio
from collections.abc import Callable

import structlog

from shared.database import Sessions, transaction
from shared.streams import Entry, Follower, Place, follow
from todo_service.changes.purge.repository import PositionRepository
from todo_service.changes.purge.service import AccountPurge

__all__ = ["STREAM", "USER_DELETED", "DeletedAccounts"]

STREAM = "auth:events"
USER_DELETED = "user.deleted"
MAX_USER_ID_CHARACTERS = 255


class DeletedAccounts:
    """Purges the accounts that `auth:events` names. Of several workers, each entry is dealt with by one."""

    def __init__(self, sessions: Sessions, purge: AccountPurge) -> None:
        self._sessions = sessions
        self._purge = purge

    async def run(self, redis_url: str, stop: asyncio.Event, beat: Callable[[], None]) -> None:
        """Follow the stream from where it was left, until `stop`; raises what `transaction` raises."""
        async with transaction(self._sessions) as session:
            last_id = await PositionRepository(session, STREAM).hold()
        await follow(redis_url, Place(STREAM, last_id), Follower(self.handle), stop=stop, beat=beat)

    async def handle(self, entry_id: str, entry: Entry) -> None:
        """Deal with one entry, unless another worker has. The place moves when the account is purged, not before."""
        async with transaction(self._sessions) as session:
            position = PositionRepository(session, STREAM)
            if _order(entry_id) <= _order(await position.hold()):
                return
            if entry.get("type") == USER_DELETED:
                await self._delete(entry_id, entry.get("user_id", ""))
            await position.move(entry_id)

    async def _delete(self, entry_id: str, user_id: str) -> None:
        # What can be nobody's id is nobody's account, and must not stop those that come after.
        if not 1 <= len(user_id) <= MAX_USER_ID_CHARACTERS or "\0" in user_id:
            structlog.get_logger().error("entry_unfit", stream=STREAM, entry=entry_id)
            return
        await self._purge.purge(user_id)


def _order(entry_id: str) -> tuple[int, int]:
    """Return what an id of a stream is compared by: milliseconds, and a number within them."""
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number or 0)
