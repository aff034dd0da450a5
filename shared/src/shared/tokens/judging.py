"""What a verified payload must say, for each issuer, and whom it then names.

Claims are judged here and not by python-jose, which accepts a token without `aud` where one is demanded, without
`exp`, from the future, of an empty `sub` or with repeated claims.
"""

import math
from dataclasses import dataclass

from shared.tokens.claims import Claims
from shared.tokens.errors import InvalidToken, Reason
from shared.tokens.principal import Principal

__all__ = ["Expected", "better_auth_caller", "own_caller"]

MAX_OWN_LIFETIME_SECONDS = 900
NOT_BEFORE_LEEWAY_SECONDS = 30
ISSUED_AT_LEEWAY_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the tokens of another issuer must say: these values, where they are given."""

    issuer: str | None
    audience: str | None
    requires_exp: bool
    max_lifetime_seconds: int
    """0 is no limit."""


def own_caller(claims: Claims, now: float, kid: str | None, *, issuer: str, audience: str | None) -> Principal:
    """Judge at `now` a token of our auth-service, signed by `kid`; with `audience` None it must not have any."""
    if not claims.says("iss", issuer):
        raise InvalidToken(Reason.ISSUER)
    if "aud" in claims if audience is None else not claims.says("aud", audience):
        raise InvalidToken(Reason.AUDIENCE)
    issued_at, expires_at = claims.whole("iat"), claims.whole("exp")
    if expires_at - issued_at > MAX_OWN_LIFETIME_SECONDS:
        raise InvalidToken(Reason.LIFETIME)
    _must_hold_at(claims, now)
    return Principal(
        id=claims.subject(),
        scopes=claims.scopes(),
        email=claims.text("email") if "email" in claims else None,
        email_verified=claims.confirms_email() is True,
        sid=claims.text("sid"),
        ver=claims.whole("ver"),
        jti=claims.text("jti"),
        client_id=claims.text("client_id"),
        auth_time=claims.whole("auth_time") if "auth_time" in claims else None,
        amr=claims.texts("amr"),
        own=True,
        issued_at=issued_at,
        expires_at=expires_at,
        kid=kid,
    )


def better_auth_caller(claims: Claims, now: float, expected: Expected) -> Principal:
    """Judge at `now` a token that a Better Auth frontend, or any holder of the shared secret, has signed.

    Who signs speaks for every `sub`. Nothing but `sub` is the user: mails and cookies that are signed with the same
    secret have an `id` or an `email`, and open nothing.
    """
    if expected.issuer is not None and not claims.says("iss", expected.issuer):
        raise InvalidToken(Reason.ISSUER)
    if expected.audience is not None and not claims.addresses(expected.audience):
        raise InvalidToken(Reason.AUDIENCE)
    ends, cap = "exp" in claims, expected.max_lifetime_seconds
    if not ends and (expected.requires_exp or cap):
        raise InvalidToken(Reason.CLAIMS)
    _must_hold_at(claims, now)
    expires_at = claims.instant("exp") if ends else math.inf
    if cap and expires_at - now > cap:
        raise InvalidToken(Reason.LIFETIME)
    verified = claims.confirms_email()
    return Principal(
        id=claims.subject(),
        scopes=claims.scopes() if "scope" in claims else None,
        email=claims.text("email") if "email" in claims and verified is not False else None,
        email_verified=verified is True,
        expires_at=expires_at,
    )


def _must_hold_at(claims: Claims, now: float) -> None:
    """Refuse a token that has ended or not begun. `exp` gets no leeway: expired is expired."""
    if "exp" in claims and claims.instant("exp") <= now:
        raise InvalidToken(Reason.EXPIRED)
    if "nbf" in claims and claims.instant("nbf") > now + NOT_BEFORE_LEEWAY_SECONDS:
        raise InvalidToken(Reason.NOT_YET)
    if "iat" in claims and claims.instant("iat") > now + ISSUED_AT_LEEWAY_SECONDS:
        raise InvalidToken(Reason.NOT_YET)
