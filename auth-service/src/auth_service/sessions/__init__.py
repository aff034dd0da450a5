"""Sessions: opened by whoever proves who they are, renewed by refresh tokens, ended by logging out.

Other features open one through `SessionOpener`, and ask for `CurrentAccount` to know who is calling.
"""

from auth_service.sessions.caller import CurrentAccount
from auth_service.sessions.opening import Opener, SessionOpener
from auth_service.sessions.refresh_tokens import RefreshTokens
from auth_service.sessions.repository import sweep_refresh_tokens, sweep_sessions
from auth_service.sessions.schemas import TokenResponse
from auth_service.sessions.turns import Turns

__all__ = [
    "CurrentAccount",
    "Opener",
    "RefreshTokens",
    "SessionOpener",
    "TokenResponse",
    "Turns",
    "sweep_refresh_tokens",
    "sweep_sessions",
]
