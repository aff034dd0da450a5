"""Who is calling the auth-service itself: it takes its own tokens only, and looks their session up."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from auth_service.accounts import Account, active_account
from auth_service.sessions.repository import SessionOf, SessionRepository
from shared.caller import CurrentUser
from shared.database import Session, SessionDep
from shared.tokens import InvalidToken, Principal, Reason

__all__ = ["Caller", "CurrentAccount", "CurrentCaller", "is_signed_in", "own_session"]


def own_session(user: Principal) -> SessionOf | None:
    """Return the session that a token of ours names, None for a token that others issued."""
    try:
        return SessionOf(UUID(user.sid), UUID(user.id)) if user.own and user.sid else None
    except ValueError:
        # With JWT_SIGNING_ALG=HS256 every holder of the secret can write a token in our shape.
        return None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and in which of their sessions."""

    account: Account
    session_id: UUID


async def current_caller(user: CurrentUser, database: SessionDep) -> Caller:
    """Return the active account whose open session the token belongs to; raise `InvalidToken` without one."""
    found = own_session(user)
    if found is None:
        raise InvalidToken(Reason.PROFILE)
    is_live = await SessionRepository(database).is_live(*found)
    account = await active_account(database, found.user_id) if is_live else None
    if account is None or account.token_version != user.ver:
        raise InvalidToken(Reason.EXPIRED)
    return Caller(account, found.session_id)


async def is_signed_in(database: Session, user: Principal | None, user_id: UUID) -> bool:
    """Whether the token that names `user` belongs to an open session of the active account of this id."""
    try:
        return user is not None and (await current_caller(user, database)).account.id == user_id
    except InvalidToken:
        return False


CurrentCaller = Annotated[Caller, Depends(current_caller)]
"""The caller's account and session. Asking for it requires an access token of ours whose session is still open."""


async def current_account(caller: CurrentCaller) -> Account:
    """Return the account of `CurrentCaller`."""
    return caller.account


CurrentAccount = Annotated[Account, Depends(current_account)]
"""The caller's account. Asking for it requires an access token of ours whose session is still open."""
