"""Forgetting an account: first nothing can be written for it any more, then everything goes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import structlog
from sqlalchemy import Table

from shared.database import Sessions, transaction
from todo_service.changes.purge.repository import AccountRepository
from todo_service.changes.turns import Announce

__all__ = ["AccountPurge"]

BATCH = 1000


class AccountPurge:
    """Purges accounts. Doing it twice, or two at once, does no harm; one that broke off goes on where it was."""

    def __init__(self, sessions: Sessions, tables: Sequence[Table], announce: Announce) -> None:
        """`tables` are those to be emptied; `announce` hears of each step, as of a write."""
        self._sessions = sessions
        self._tables = tables
        self._announce = announce

    async def purge(self, user_id: str) -> int:
        """Delete all that the user has, in small transactions; return how many rows. Raises what `transaction` raises.

        A mark stays for thirty days: a token that still holds must not begin the account anew.
        """
        await self._end(user_id)
        removed = 0
        for table in self._tables:
            while some := await self._remove_some(user_id, table):
                removed += some
        structlog.get_logger().info("account_purged", user=user_id, rows=removed)
        return removed

    async def _end(self, user_id: str) -> None:
        ended_at: int | None = None
        async with transaction(self._sessions) as session:
            session.on_end(lambda: self._announce(user_id, ended_at))
            ended_at = await AccountRepository(session, user_id).end(uuid4(), datetime.now(UTC))

    async def _remove_some(self, user_id: str, table: Table) -> int:
        async with transaction(self._sessions) as session:
            session.on_end(lambda: self._announce(user_id, None))
            account = AccountRepository(session, user_id)
            # Once more for each batch: its lock lets two purges take turns, so that none takes for gone what the other
            # is removing; its epoch tells what was read before from what is left, as no number does.
            await account.end(uuid4(), datetime.now(UTC))
            return await account.remove_some(table, BATCH)
