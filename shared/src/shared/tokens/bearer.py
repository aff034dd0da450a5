"""Where a request has its access token (RFC 6750 section 2.1)."""

from shared.tokens.errors import MissingToken

__all__ = ["bearer_token"]


def bearer_token(authorization: str) -> str:
    """Return the token of an `Authorization` field, which is empty where there is none; raise `MissingToken`."""
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip(" ")
    if scheme.lower() != "bearer" or not token:
        raise MissingToken
    return token
