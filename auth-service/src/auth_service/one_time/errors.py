"""Why a one-time token is not redeemed."""

from shared.problems import BadRequest

__all__ = ["InvalidOrExpiredToken"]


class InvalidOrExpiredToken(BadRequest):
    """The link is not known, has been used, has expired, or a newer one was sent."""

    code, title = "invalid_or_expired_token", "Link not valid"
