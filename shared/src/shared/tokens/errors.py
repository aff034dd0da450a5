"""Why a request's token opens nothing: none came, it is not valid, or nobody could tell.

Unauthorized ── MissingToken, InvalidToken
Unavailable ─── KeysUnavailable, RevocationsStale
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from shared.problems import Unauthorized, Unavailable

__all__ = ["InvalidToken", "KeysUnavailable", "MissingToken", "Reason", "RevocationsStale"]


class Reason(StrEnum):
    """The rule that a token broke. For logs and metrics; a caller is never told."""

    SHAPE = "shape"
    HEADER = "header"
    PROFILE = "profile"
    KEY = "key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    LIFETIME = "lifetime"
    REVOKED = "revoked"
    UNEXPECTED = "unexpected"
    ENDED = "ended"
    """The token is in order; the account that it names is not there any more."""


class MissingToken(Unauthorized):
    """This needs an access token: send `Authorization: Bearer <token>`."""

    # Challenged without an error code: no token was sent, so none was wrong (RFC 6750 section 3.1).
    code, title = "missing_token", "Access token missing"


class InvalidToken(Unauthorized):
    """The access token is not valid, or not any more. Refresh it or log in again."""

    code, title = "invalid_token", "Access token invalid"
    always: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer error="invalid_token"'}

    def __init__(self, reason: Reason) -> None:
        """Refuse for `reason`, which stays in this process."""
        super().__init__()
        self.reason = reason


class KeysUnavailable(Unavailable):
    """The keys that verify access tokens could not be read yet. Try again soon."""

    code, title = "keys_unavailable", "Keys unavailable"


class RevocationsStale(Unavailable):
    """It cannot be told for the moment whether this session has ended, so nothing is changed. Try again soon."""

    code, title = "revocations_stale", "Revocations stale"
