"""The stored registrations that wait for somebody to follow their link."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, insert, update
from sqlmodel import and_, col, func, select

from auth_service.accounts.models import PendingRegistration
from auth_service.tables import core
from shared.database import Session, Sessions
from shared.sweeping import delete_old

__all__ = ["RegistrationRepository", "Waiting", "sweep_registrations"]

TURNS = 0x7369_676E
"""Apart from other advisory locks. Any number that every replica agrees on."""

MOST_WAITING = 5
"""Registrations of one address. The newest stay, so that nobody can keep its owner from registering."""

MOST_FAILURES = 5
"""Wrong passwords beside a link."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A registration, as it was read: it does not change with the transaction."""

    id: UUID
    email: str
    name: str | None
    password_hash: str = field(repr=False)
    binding_hash: bytes | None = field(repr=False)


class RegistrationRepository:
    """Registrations that wait, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def wait_for_turn(self, email_norm: str) -> None:
        """Let one after the other register this address, or verify it, until the transaction ends."""
        await self._database.exec(select(func.pg_advisory_xact_lock(TURNS, func.hashtext(email_norm))))

    async def add(self, waiting: PendingRegistration) -> None:
        """Store a registration, and delete the oldest of its address above five. It is the address's turn."""
        await self._database.run(insert(core(PendingRegistration)).values(**waiting.model_dump()))
        of_address = col(PendingRegistration.email_norm) == waiting.email_norm
        newest = (
            select(PendingRegistration.id)
            .where(of_address)
            .order_by(col(PendingRegistration.created_at).desc())
            .limit(MOST_WAITING)
        )
        await self._database.exec(
            delete(PendingRegistration)
            .where(of_address, col(PendingRegistration.id).not_in(newest))
            .execution_options(synchronize_session=False)
        )

    async def get(self, registration_id: UUID) -> PendingRegistration | None:
        """Return the registration of this id if its link works."""
        found = await self._database.exec(
            select(PendingRegistration).where(PendingRegistration.id == registration_id, _is_open())
        )
        return found.first()

    async def find(self, token_hash: bytes) -> Waiting | None:
        """Return the registration of this token if its link works."""
        found = await self._database.exec(
            select(PendingRegistration).where(PendingRegistration.token_hash == token_hash, _is_open())
        )
        row = found.first()
        return Waiting(row.id, row.email, row.name, row.password_hash, row.binding_hash) if row else None

    async def newest(self, email_norm: str) -> PendingRegistration | None:
        """Return the newest registration of this address whose link works."""
        found = await self._database.exec(
            select(PendingRegistration)
            .where(PendingRegistration.email_norm == email_norm, _is_open())
            .order_by(col(PendingRegistration.created_at).desc())
            .limit(1)
        )
        return found.first()

    async def renew(self, registration_id: UUID, lifetime: timedelta) -> None:
        """Let the link work for as long as this from now on, if it works."""
        await self._database.exec(
            update(PendingRegistration)
            .where(col(PendingRegistration.id) == registration_id, _is_open())
            .values(expires_at=func.clock_timestamp() + lifetime)
            .execution_options(synchronize_session=False)
        )

    async def remove(self, registration_id: UUID) -> None:
        """Delete a registration."""
        await self._database.exec(delete(PendingRegistration).where(col(PendingRegistration.id) == registration_id))

    async def remove_all(self, email_norm: str) -> set[UUID]:
        """Delete the registrations of this address; return those whose links worked until now."""
        removed = await self._database.exec(
            delete(PendingRegistration)
            .where(col(PendingRegistration.email_norm) == email_norm)
            .returning(col(PendingRegistration.id), _is_open())
            .execution_options(synchronize_session=False)
        )
        return {registration_id for registration_id, is_open in removed if is_open}

    async def count_failure(self, registration_id: UUID) -> None:
        """Note that the password beside the link was wrong; after the fifth time the link works no more."""
        await self._database.exec(
            update(PendingRegistration)
            .where(col(PendingRegistration.id) == registration_id)
            .values(attempts=col(PendingRegistration.attempts) + 1)
            .execution_options(synchronize_session=False)
        )


def _is_open() -> ColumnElement[bool]:
    has_not_expired = col(PendingRegistration.expires_at) > func.clock_timestamp()
    return and_(has_not_expired, col(PendingRegistration.attempts) < MOST_FAILURES)


async def sweep_registrations(sessions: Sessions) -> int:
    """Delete registrations that have expired, and return how many; raises what `transaction` raises."""
    table = core(PendingRegistration)
    return await delete_old(sessions, table, table.c.expires_at < func.now(), sweep="pending_registrations")
