"""Who is calling the auth-service itself: it takes its own tokens only, and looks their session up."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from auth_service.accounts import Account, active_account
from auth_service.sessions.repository import SessionRepository
from shared.caller import CurrentUser
from shared.database import SessionDep
from shared.tokens import InvalidToken, Principal, Reason

__all__ = ["CurrentAccount", "own_session"]


def own_session(user: Principal) -> tuple[UUID, UUID] | None:
    """Return the ids of session and user that a token of ours names, None for a token that others issued."""
    try:
        return (UUID(user.sid), UUID(user.id)) if user.own and user.sid else None
    except ValueError:
        # With JWT_SIGNING_ALG=HS256 every holder of the secret can write a token in our shape.
        return None


async def current_account(user: CurrentUser, database: SessionDep) -> Account:
    """Return the active account whose open session the token belongs to; raise `InvalidToken` without one."""
    ids = own_session(user)
    if ids is None:
        raise InvalidToken(Reason.PROFILE)
    account = await active_account(database, ids[1]) if await SessionRepository(database).is_live(*ids) else None
    if account is None or account.token_version != user.ver:
        raise InvalidToken(Reason.EXPIRED)
    return account


CurrentAccount = Annotated[Account, Depends(current_account)]
"""The caller's account. Asking for it requires an access token of ours whose session is still open."""
