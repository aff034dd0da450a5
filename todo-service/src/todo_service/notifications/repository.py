"""The events of one user, as the worker sees them."""

from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_
from sqlmodel import col, select

from shared.database import Session
from shared.outbox import Claimed, State
from todo_service.notifications.models import Outbox

__all__ = ["EventRepository"]

HOUR = timedelta(hours=1)


class EventRepository:
    """The events of one user, to be mailed or mailed already."""

    def __init__(self, session: Session, user_id: str) -> None:
        self._session = session
        self._user_id = user_id

    async def others_reach(self, limit: int, claimed: Claimed, now: datetime) -> bool:
        """Whether `limit` other mails went to the user within the last hour, or are just being sent.

        Until this transaction ends no other one gets an answer for this user: of mails that are claimed at the same
        moment, each counts those before it.
        """
        # A snapshot is taken when a statement begins, so the lock and the count must be two.
        await self._session.exec(select(func.pg_advisory_xact_lock(func.hashtextextended(self._user_id, 0))))
        went = and_(col(Outbox.state) == State.DONE, col(Outbox.done_at) > now - HOUR)
        goes = and_(col(Outbox.state) == State.WORKING, col(Outbox.next_at) > now)
        others = (
            select(col(Outbox.event_id))
            .where(col(Outbox.user_id) == self._user_id, col(Outbox.event_id) != claimed.event_id, or_(went, goes))
            .limit(limit)
        )
        return len((await self._session.exec(others)).all()) == limit
