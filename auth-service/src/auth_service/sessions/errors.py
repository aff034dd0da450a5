"""Why a session is not opened, renewed or ended. No answer tells more than its client needs to act on it."""

from collections.abc import Mapping
from typing import ClassVar

from shared.problems import BadRequest, Forbidden, NotFound, Unauthorized

__all__ = [
    "FRESH_SECONDS",
    "EmailNotVerified",
    "InvalidCredentials",
    "InvalidGrant",
    "ReauthRequired",
    "SessionNotFound",
    "TokenDeliveryRequired",
]

FRESH_SECONDS = 300


class EmailNotVerified(Forbidden):
    """The password is right, and the address has to be verified first: have the link mailed, and follow it."""

    code, title = "email_not_verified", "E-mail address not verified"


class InvalidCredentials(Unauthorized):
    """The e-mail address or the password is wrong."""

    code, title = "invalid_credentials", "Wrong e-mail address or password"


class InvalidGrant(Unauthorized):
    """The refresh token is missing, unknown, used or expired, or its session has ended. Log in again."""

    code, title = "invalid_grant", "Refresh token invalid"


class ReauthRequired(Unauthorized):
    """This needs a login within the last five minutes. Log in again, and send the new access token."""

    code, title = "reauth_required", "Log in again"
    # RFC 9470 section 3.
    always: ClassVar[Mapping[str, str]] = {
        "WWW-Authenticate": f'Bearer error="insufficient_user_authentication", max_age="{FRESH_SECONDS}"'
    }


class SessionNotFound(NotFound):
    """No open session with this id belongs to the caller."""

    code, title = "session_not_found", "No such session"


class TokenDeliveryRequired(BadRequest):
    """A refresh token in the body needs the header `X-Token-Delivery: body`."""

    code, title = "token_delivery_required", "Token delivery required"
