"""Who is calling the auth-service itself: it takes its own tokens only, and looks their session up."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from auth_service.accounts import Account, active_account
from auth_service.sessions.errors import FRESH_SECONDS, ReauthRequired
from auth_service.sessions.repository import SessionOf, SessionRepository
from auth_service.sessions.service import SCOPES
from shared.caller import CALLER_PROBLEMS, SAFE_METHODS, CurrentUser, InsufficientScope
from shared.database import Session
from shared.request_session import SessionDep
from shared.tokens import InvalidToken, Principal, Reason
from shared.tokens.verifier import Verifier

__all__ = [
    "CHANGER_PROBLEMS",
    "Caller",
    "CurrentAccount",
    "CurrentCaller",
    "FreshCaller",
    "live_caller",
    "named_session",
    "own_session",
]

CHANGER_PROBLEMS = (*CALLER_PROBLEMS, InsufficientScope)
"""What asking for `CurrentCaller` can answer where something changes, for `documents(*CHANGER_PROBLEMS)`."""


def own_session(user: Principal) -> SessionOf | None:
    """Return the session that a token of ours names, None for a token that others issued."""
    try:
        return SessionOf(UUID(user.sid), UUID(user.id)) if user.own and user.sid else None
    except ValueError:
        # With JWT_SIGNING_ALG=HS256 every holder of the secret can write a token in our shape.
        return None


async def named_session(verifier: Verifier, token: str) -> SessionOf | None:
    """Return the session that an access token of ours names, None for any other text; raise `KeysUnavailable`."""
    try:
        return own_session(await verifier.verify(token))
    except InvalidToken:
        return None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling, and in which of their sessions."""

    account: Account
    session_id: UUID


async def live_caller(user: Principal, database: Session) -> Caller | None:
    """Return the active account and the open session that a verified token names, None without them."""
    found = own_session(user)
    if found is None or not await SessionRepository(database).is_live(*found):
        return None
    account = await active_account(database, found.user_id)
    if account is None or account.token_version != user.ver:
        return None
    return Caller(account, found.session_id)


async def current_caller(request: Request, user: CurrentUser, database: SessionDep) -> Caller:
    """Return whose token this is, as `live_caller` finds them; raise `InvalidToken` for nobody's.

    A token that was narrowed, to be lent to a program that may read todos, changes nothing here: deleting the account
    deletes the todos too. It raises `InsufficientScope`.
    """
    caller = await live_caller(user, database)
    if caller is None:
        raise InvalidToken(Reason.EXPIRED if user.own else Reason.PROFILE)
    missing = [scope for scope in SCOPES if scope not in (user.scopes or ())]
    if missing and request.method not in SAFE_METHODS:
        raise InsufficientScope(" ".join(missing))
    return caller


CurrentCaller = Annotated[Caller, Depends(current_caller)]
"""The caller's account and session. Asking for it requires an access token of ours whose session is still open."""


async def fresh_caller(caller: CurrentCaller, database: SessionDep) -> Caller:
    """Return the caller if they have logged in within the last five minutes; raise `ReauthRequired` if they have not.

    The stored session says when, not the token: every holder of the secret of HS256 can write one.
    """
    if not await SessionRepository(database).is_fresh(caller.session_id, timedelta(seconds=FRESH_SECONDS)):
        raise ReauthRequired
    return caller


FreshCaller = Annotated[Caller, Depends(fresh_caller)]
"""`CurrentCaller`, who has just logged in: for what a stolen token must not do."""


async def current_account(caller: CurrentCaller) -> Account:
    """Return the account of `CurrentCaller`."""
    return caller.account


CurrentAccount = Annotated[Account, Depends(current_account)]
"""The caller's account. Asking for it requires an access token of ours whose session is still open."""
