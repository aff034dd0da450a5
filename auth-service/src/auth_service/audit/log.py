"""Writing to the audit log."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from auth_service.audit.repository import AuditRepository
from auth_service.audit.types import Actor, Audited
from shared.caller import client_address
from shared.database import Session
from shared.logging import current_request_id
from shared.request_session import SessionDep

__all__ = ["Audit", "AuditLog", "Source"]

USER_AGENT_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class Source:
    """Who does something, and from where."""

    actor: Actor
    ip: str | None = None
    user_agent: str | None = None

    @classmethod
    def of(cls, request: Request) -> "Source":
        """Return the client that sent `request`."""
        address = client_address(request, request.app.state.settings.trusted_proxies)
        user_agent = request.headers.get("user-agent", "").replace("\x00", "")[:USER_AGENT_CHARACTERS]
        return cls(Actor.CLIENT, str(address) if address else None, user_agent or None)


class AuditLog:
    """Writes down what one source does, in one transaction: what is rolled back has not been written."""

    def __init__(self, database: Session, source: Source) -> None:
        self._stored = AuditRepository(database)
        self._source = source

    async def record(
        self, event: Audited, user_id: UUID | None = None, session_id: UUID | None = None, **detail: str | int | bool
    ) -> None:
        """Write down that `event` happened to this user and session, as far as they are known.

        A refusal that is written down must be returned as a problem response: raising it takes this back.
        No `detail` may be a secret.
        """
        await self._stored.add(
            event,
            user_id,
            session_id,
            detail,
            actor=self._source.actor,
            ip=self._source.ip,
            user_agent=self._source.user_agent,
            request_id=current_request_id(),
        )

    async def strip(self, user_id: UUID) -> None:
        """Remove from the user's events what describes a person: addresses, devices, details."""
        await self._stored.strip(user_id)


async def audit_log(request: Request, database: SessionDep) -> AuditLog:
    """Return the log of what this request's client does, in this request's transaction."""
    return AuditLog(database, Source.of(request))


Audit = Annotated[AuditLog, Depends(audit_log)]
"""Writes down what this request's client does."""
