"""The stored addresses."""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, func

from auth_service.accounts.models import User
from shared.database import Session

__all__ = ["AddressRepository"]


class AddressRepository:
    """Addresses of users, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def change(self, user_id: UUID, email: str, email_norm: str) -> bool:
        """Give the user another address, which they have just shown that they read.

        False when an account has it. The transaction can then only be rolled back.
        """
        now = func.clock_timestamp()
        try:
            await self._database.exec(
                update(User)
                .where(col(User.id) == user_id)
                .values(email=email, email_norm=email_norm, email_verified_at=now, updated_at=now)
            )
        except IntegrityError:
            return False
        return True
