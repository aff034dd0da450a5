"""Logging in with a password."""

from auth_service.accounts import Account, confirm_login, find_login
from auth_service.passwords import PasswordHasher
from auth_service.sessions.errors import InvalidCredentials
from auth_service.sessions.schemas import Login
from shared.database import Session

__all__ = ["log_in"]


async def log_in(database: Session, hasher: PasswordHasher, login: Login) -> Account:
    """Return the account that the password opens, locked; raise `InvalidCredentials` or `Overloaded`.

    A wrong password, an unknown address and a disabled account cost the same statements and one hash, so that the
    time taken does not tell them apart. No lock is held while hashing.
    """
    async with hasher.permit() as permit:
        known = await find_login(database, login.email)
        verified = await permit.verify(login.password, known.password_hash if known else None)
    if known is None or not known.is_active or not verified.is_right:
        raise InvalidCredentials
    account = await confirm_login(database, known, verified.new_hash)
    if account is None:
        raise InvalidCredentials
    return account
