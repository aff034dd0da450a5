"""Sessions: opened by whoever proves who they are, renewed by refresh tokens, ended by logging out.

Other features open one through `SessionOpener`, end those of a user with `SessionEnder`, and ask for `CurrentAccount`
or `CurrentCaller` to know who is calling.
"""

from auth_service.sessions.caller import Caller, CurrentAccount, CurrentCaller, is_signed_in
from auth_service.sessions.ending import Ender, EndReason, SessionEnder
from auth_service.sessions.errors import InvalidCredentials
from auth_service.sessions.opening import Opener, SessionOpener
from auth_service.sessions.presented import PresentedUser
from auth_service.sessions.refresh_tokens import RefreshTokens
from auth_service.sessions.repository import sweep_refresh_tokens, sweep_sessions
from auth_service.sessions.schemas import TokenResponse
from auth_service.sessions.turns import Turns

__all__ = [
    "Caller",
    "CurrentAccount",
    "CurrentCaller",
    "EndReason",
    "Ender",
    "InvalidCredentials",
    "Opener",
    "PresentedUser",
    "RefreshTokens",
    "SessionEnder",
    "SessionOpener",
    "TokenResponse",
    "Turns",
    "is_signed_in",
    "sweep_refresh_tokens",
    "sweep_sessions",
]
