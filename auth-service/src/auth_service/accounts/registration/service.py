"""The rules of registering."""

from auth_service.accounts.errors import EmailTaken
from auth_service.accounts.models import User
from auth_service.accounts.registration.schemas import Registration
from auth_service.accounts.repository import AccountRepository
from auth_service.accounts.service import Account, norm
from shared.database import Session
from shared.ids import uuid7

__all__ = ["create_account"]


async def create_account(database: Session, registration: Registration, password_hash: str) -> Account:
    """Store a new account, which has just logged in; raise `EmailTaken` when the address has one."""
    accounts = AccountRepository(database)
    now = await accounts.now()
    user = User(
        id=uuid7(),
        email=registration.email,
        email_norm=norm(registration.email),
        name=registration.name,
        created_at=now,
        updated_at=now,
        last_login_at=now,
    )
    if not await accounts.add(user, password_hash):
        raise EmailTaken
    return Account.of(user)
