"""Whom a mail reaches. It goes to the address that is stored, never to one that somebody has typed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from uuid import UUID

from auth_service.accounts.models import User
from auth_service.accounts.registration.repository import RegistrationRepository
from auth_service.accounts.repository import AccountRepository
from auth_service.accounts.service import norm, opens
from shared.database import Session

__all__ = ["Addressee", "Addressees", "Applicant"]


@dataclass(frozen=True, slots=True)
class Addressee:
    """The owner of an account."""

    user_id: UUID
    email: str
    is_verified: bool
    is_active: bool
    can_log_in: bool
    """Also to take back that the account is to be deleted."""

    @classmethod
    def of(cls, user: User) -> Self:
        """Return what a mail must know of `user`."""
        return cls(
            user_id=user.id,
            email=user.email,
            is_verified=user.email_verified_at is not None,
            is_active=user.status == "active",
            can_log_in=opens(user),
        )


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody who has asked for an account."""

    registration_id: UUID
    email: str
    token_hash: bytes


class Addressees:
    """The people who can be mailed, in one transaction, which locks the user whom it finds."""

    def __init__(self, database: Session) -> None:
        self._accounts = AccountRepository(database)
        self._registrations = RegistrationRepository(database)

    async def user(self, user_id: UUID) -> Addressee | None:
        """Return the user of this id."""
        user = await self._accounts.lock(user_id)
        return Addressee.of(user) if user else None

    async def user_at(self, email: str) -> Addressee | None:
        """Return the user who has this address."""
        user = await self._accounts.lock_by_address(norm(email))
        return Addressee.of(user) if user else None

    async def owner_of(self, email: str) -> str | None:
        """Return this address as it is stored with its account, which is not locked; None when it has none."""
        found = await self._accounts.find(norm(email))
        return found[0].email if found else None

    async def applicant(self, registration_id: UUID) -> Applicant | None:
        """Return who has registered so, and can still follow the link."""
        pending = await self._registrations.get(registration_id)
        return Applicant(pending.id, pending.email, pending.token_hash) if pending else None

    async def applicant_at(self, email: str) -> Applicant | None:
        """Return who has last registered with this address, and can still follow the link."""
        pending = await self._registrations.newest(norm(email))
        return Applicant(pending.id, pending.email, pending.token_hash) if pending else None

    async def renew(self, applicant: Applicant, lifetime: timedelta) -> None:
        """Let the link of the registration work for as long as this from now on."""
        await self._registrations.renew(applicant.registration_id, lifetime)

    async def forget(self, applicant: Applicant) -> None:
        """Delete the registration: its address has an account."""
        await self._registrations.remove(applicant.registration_id)
