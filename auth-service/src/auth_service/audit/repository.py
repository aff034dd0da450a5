"""The stored audit log."""

from collections.abc import Mapping
from datetime import timedelta
from typing import TypedDict, Unpack
from uuid import UUID

from sqlalchemy import insert, update
from sqlmodel import func

from auth_service.audit.models import AuditEvent
from auth_service.audit.types import Actor, Audited
from auth_service.tables import core
from shared.database import Session, Sessions
from shared.ids import uuid7
from shared.sweeping import delete_old

__all__ = ["AuditRepository", "sweep_audit"]

KEPT = timedelta(days=180)


class Circumstances(TypedDict):
    """Who did it, and from where."""

    actor: Actor
    ip: str | None
    user_agent: str | None
    request_id: str | None


class AuditRepository:
    """The audit log, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def add(
        self,
        event: Audited,
        user_id: UUID | None,
        session_id: UUID | None,
        detail: Mapping[str, object],
        **circumstances: Unpack[Circumstances],
    ) -> None:
        """Store an event."""
        await self._database.run(
            insert(core(AuditEvent)).values(
                id=uuid7(),
                at=func.clock_timestamp(),
                user_id=user_id,
                session_id=session_id,
                type=event,
                outcome="failure" if event.is_refusal else "success",
                detail=dict(detail),
                **circumstances,
            )
        )

    async def strip(self, user_id: UUID) -> None:
        """Remove from the user's events what describes a person: addresses, devices, details."""
        events = core(AuditEvent)
        await self._database.run(
            update(events).where(events.c.user_id == user_id).values(ip=None, user_agent=None, detail={})
        )


async def sweep_audit(sessions: Sessions) -> int:
    """Delete events of more than 180 days ago, and return how many; raises what `transaction` raises."""
    events = core(AuditEvent)
    # By type, because the index begins with it.
    is_old = events.c.type.in_(list(Audited)) & (events.c.at < func.now() - KEPT)
    return await delete_old(sessions, events, is_old, sweep="audit")
