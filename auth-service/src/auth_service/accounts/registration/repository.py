"""The stored registrations that wait for somebody to follow their link."""

from uuid import UUID

from sqlalchemy import ColumnElement, delete
from sqlmodel import col, func, select

from auth_service.accounts.models import PendingRegistration
from auth_service.tables import core
from shared.database import Session, Sessions
from shared.sweeping import delete_old

__all__ = ["RegistrationRepository", "sweep_registrations"]


class RegistrationRepository:
    """Registrations that wait, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def get(self, registration_id: UUID) -> PendingRegistration | None:
        """Return the registration of this id if it has not expired."""
        found = await self._database.exec(
            select(PendingRegistration).where(PendingRegistration.id == registration_id, _is_open())
        )
        return found.first()

    async def newest(self, email_norm: str) -> PendingRegistration | None:
        """Return the newest registration of this address that has not expired."""
        found = await self._database.exec(
            select(PendingRegistration)
            .where(PendingRegistration.email_norm == email_norm, _is_open())
            .order_by(col(PendingRegistration.created_at).desc())
            .limit(1)
        )
        return found.first()

    async def remove(self, registration_id: UUID) -> None:
        """Delete a registration."""
        await self._database.exec(delete(PendingRegistration).where(col(PendingRegistration.id) == registration_id))


def _is_open() -> ColumnElement[bool]:
    return col(PendingRegistration.expires_at) > func.clock_timestamp()


async def sweep_registrations(sessions: Sessions) -> int:
    """Delete registrations that have expired, and return how many; raises what `transaction` raises."""
    table = core(PendingRegistration)
    return await delete_old(sessions, table, table.c.expires_at < func.now(), sweep="pending_registrations")
