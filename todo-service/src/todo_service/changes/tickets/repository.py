"""The tickets that are open. A ticket itself is nowhere, only the digest of its secret."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert

from shared.database import Session
from todo_service.changes.models import EVENT_TICKETS

__all__ = ["Stored", "TicketRepository"]

TICKETS = EVENT_TICKETS.c


@dataclass(frozen=True, slots=True)
class Stored:
    """What a ticket stands for, until when."""

    expires_at: datetime
    claims: dict[str, object]


class TicketRepository:
    """The tickets of one user."""

    def __init__(self, session: Session, user_id: str) -> None:
        self._session = session
        self._user_id = user_id

    async def add(self, digest: bytes, ticket: Stored) -> None:
        """Store a new ticket."""
        values = {"user_id": self._user_id, "digest": digest, "expires_at": ticket.expires_at, "claims": ticket.claims}
        await self._session.exec_alone(insert(EVENT_TICKETS), values)

    async def take(self, digest: bytes) -> Stored | None:
        """Remove a ticket and return it: of two who show the same one, the other gets None."""
        mine = TICKETS.user_id == self._user_id, TICKETS.digest == digest
        taken = delete(EVENT_TICKETS).where(*mine).returning(TICKETS.expires_at, TICKETS.claims)
        row = (await self._session.exec_alone(taken)).one_or_none()
        return None if row is None else Stored(row.expires_at, row.claims)
