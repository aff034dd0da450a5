"""The stored accounts."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select

from auth_service.accounts.models import Credentials, PendingRegistration, User
from auth_service.tables import core
from shared.database import Session, Sessions
from shared.sweeping import delete_old

__all__ = ["AccountRepository", "RegistrationRepository", "sweep_registrations"]


class AccountRepository:
    """Users and their password hashes, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def add(self, user: User, password_hash: str) -> bool:
        """Store an account; return False, and change nothing, when its address is taken."""
        added = await self._database.exec(
            insert(User)
            .values(**user.model_dump())
            .on_conflict_do_nothing(index_elements=[col(User.email_norm)])
            .returning(col(User.id))
        )
        if added.first() is None:
            return False
        await self._database.exec(
            insert(Credentials).values(
                user_id=user.id, hash=password_hash, changed_at=user.created_at, failed_attempts=0
            )
        )
        return True

    async def find(self, email_norm: str) -> tuple[User, str] | None:
        """Return the user of this address and their password hash."""
        found = await self._database.exec(
            select(User, Credentials.hash)
            .join(Credentials, col(Credentials.user_id) == col(User.id))
            .where(User.email_norm == email_norm)
        )
        return found.first()

    async def get(self, user_id: UUID) -> User | None:
        """Return the user of this id."""
        found = await self._database.exec(select(User).where(User.id == user_id))
        return found.first()

    async def lock(self, user_id: UUID) -> User | None:
        """Return the user of this id, and keep them as they are until the transaction ends."""
        found = await self._database.exec(select(User).where(User.id == user_id).with_for_update(key_share=True))
        return found.first()

    async def lock_by_address(self, email_norm: str) -> User | None:
        """Return the user of this address, and keep them as they are until the transaction ends."""
        found = await self._database.exec(
            select(User).where(User.email_norm == email_norm).with_for_update(key_share=True)
        )
        return found.first()

    async def now(self) -> datetime:
        """Return the time by the one clock that all replicas share."""
        found = await self._database.exec(select(func.clock_timestamp()))
        now: datetime = found.one()
        return now

    async def note_login(self, user_id: UUID, token_version: int) -> User | None:
        """Remember that the user logs in now, and keep them as they are until the transaction ends.

        None, and nothing remembered, when they are not active or not of this version any more. The update waits for
        whoever holds the row, and then looks at it anew.
        """
        noted = await self._database.exec(
            update(User)
            .where(col(User.id) == user_id, col(User.token_version) == token_version, col(User.status) == "active")
            .values(last_login_at=func.clock_timestamp())
            .returning(User)
            .execution_options(populate_existing=True)
        )
        return noted.scalars().one_or_none()

    async def raise_version(self, user_id: UUID) -> int:
        """Lock the user and count their token version up; return the new one."""
        raised = await self._database.exec(
            update(User)
            .where(col(User.id) == user_id)
            .values(token_version=User.token_version + 1)
            .returning(col(User.token_version))
        )
        version: int = raised.scalar_one()
        return version

    async def replace_hash(self, user_id: UUID, password_hash: str) -> None:
        """Store the same password's hash at today's cost."""
        await self._database.exec(
            update(Credentials).where(col(Credentials.user_id) == user_id).values(hash=password_hash)
        )


class RegistrationRepository:
    """Registrations that wait for somebody to follow their link, in one transaction."""

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
