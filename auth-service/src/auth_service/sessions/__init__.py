"""Sessions: opened by whoever proves who they are, renewed by refresh tokens, ended by logging out.

Other features open one through `SessionOpener`, end those of a user with `SessionEnder`, and ask for `CurrentAccount`,
`CurrentCaller` or, right after a login, `FreshCaller` to know who is calling.
"""

from auth_service.sessions.caller import (
    CHANGER_PROBLEMS,
    Caller,
    CurrentAccount,
    CurrentCaller,
    FreshCaller,
    live_caller,
    named_session,
)
from auth_service.sessions.ending import Ender, EndReason, SessionEnder
from auth_service.sessions.errors import InvalidCredentials, ReauthRequired
from auth_service.sessions.handover import AccessTokens
from auth_service.sessions.opening import Opener, SessionOpener, SessionsDep
from auth_service.sessions.presented import PresentedUser
from auth_service.sessions.refresh_tokens import RefreshTokens
from auth_service.sessions.repository import sweep_refresh_tokens, sweep_sessions
from auth_service.sessions.schemas import TokenResponse
from auth_service.sessions.service import CLIENT_IDS, SCOPES
from auth_service.sessions.turns import Turns

__all__ = [
    "CHANGER_PROBLEMS",
    "CLIENT_IDS",
    "SCOPES",
    "AccessTokens",
    "Caller",
    "CurrentAccount",
    "CurrentCaller",
    "EndReason",
    "Ender",
    "FreshCaller",
    "InvalidCredentials",
    "Opener",
    "PresentedUser",
    "ReauthRequired",
    "RefreshTokens",
    "SessionEnder",
    "SessionOpener",
    "SessionsDep",
    "TokenResponse",
    "Turns",
    "live_caller",
    "named_session",
    "sweep_refresh_tokens",
    "sweep_sessions",
]
