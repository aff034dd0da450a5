"""Why a session is not opened or renewed. No answer tells more than its client needs to act on it."""

from shared.problems import BadRequest, Unauthorized

__all__ = ["InvalidCredentials", "InvalidGrant", "TokenDeliveryRequired"]


class InvalidCredentials(Unauthorized):
    """The e-mail address or the password is wrong."""

    code, title = "invalid_credentials", "Wrong e-mail address or password"


class InvalidGrant(Unauthorized):
    """The refresh token is missing, unknown, used or expired, or its session has ended. Log in again."""

    code, title = "invalid_grant", "Refresh token invalid"


class TokenDeliveryRequired(BadRequest):
    """A refresh token in the body needs the header `X-Token-Delivery: body`."""

    code, title = "token_delivery_required", "Token delivery required"
