"""What a verified payload must say, for each kind of token, and whom it then names.

Claims are judged here and not by python-jose, which accepts a token without `aud` where one is demanded, without
`exp`, from the future, of an empty `sub` or with repeated claims.
"""

import math
import re
from dataclasses import dataclass, field

from shared.tokens.errors import InvalidToken, Reason
from shared.tokens.settings import TokenRules
from shared.tokens.strict import parse_object

__all__ = ["Claims", "Principal", "Verified", "better_auth_caller", "own_caller"]

MAX_OWN_LIFETIME_SECONDS = 900
NOT_BEFORE_LEEWAY_SECONDS = 30
ISSUED_AT_LEEWAY_SECONDS = 60
MAX_SUBJECT_CHARACTERS = 255
# Whole seconds beyond this are no floats any more, and no dates either.
MAX_TIME = 2**53

_UNFIT_FOR_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom an access token names, and what it lets them do. What only our own tokens say is None or () elsewhere."""

    id: str
    scopes: frozenset[str] | None
    """None when the token names none, which restricts nothing."""
    email: str | None = field(default=None, repr=False)
    """Where to write to; None also when a foreign issuer says that it is not verified."""
    email_verified: bool = False
    sid: str | None = None
    ver: int | None = None
    jti: str | None = None
    client_id: str | None = None
    auth_time: int | None = None
    amr: tuple[str, ...] = ()
    own: bool = False
    """Whether our auth-service issued the token."""
    expires_at: float = field(default=math.inf, compare=False)
    """When the token ends, in seconds of the epoch (infinity: never). Who is named does not depend on it."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A caller, and when the token that named them ends, in seconds of the epoch (infinity: never)."""

    principal: Principal
    expires_at: float


class Claims:
    """The members of a verified payload. Every reader raises `InvalidToken` for a claim of the wrong type."""

    def __init__(self, payload: bytes) -> None:
        """Parse `payload`; raises as `parse_object` does."""
        self._members = parse_object(payload)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def text(self, name: str) -> str:
        """Return a string without control characters and lone surrogates; it must be there."""
        value = self._members.get(name)
        if not isinstance(value, str) or _UNFIT_FOR_TEXT.search(value):
            raise InvalidToken(Reason.CLAIMS)
        return value

    def subject(self) -> str:
        """Return `sub`, of 1 to 255 characters."""
        subject = self.text("sub")
        if not 1 <= len(subject) <= MAX_SUBJECT_CHARACTERS:
            raise InvalidToken(Reason.CLAIMS)
        return subject

    def whole(self, name: str) -> int:
        """Return an integer; it must be there."""
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not -MAX_TIME <= value <= MAX_TIME:
            raise InvalidToken(Reason.CLAIMS)
        return value

    def instant(self, name: str) -> float:
        """Return a finite number, RFC 7519's NumericDate; it must be there."""
        value = self._members.get(name)
        # Neither NaN nor an infinity, such as 1e999, passes this comparison.
        if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX_TIME <= value <= MAX_TIME:
            raise InvalidToken(Reason.CLAIMS)
        return value

    def scopes(self) -> frozenset[str]:
        """Return the words of `scope` (RFC 6749 section 3.3); it must be there."""
        return frozenset(word for word in self.text("scope").split(" ") if word)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings, empty when the claim is missing."""
        values = self._members.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InvalidToken(Reason.CLAIMS)
        return tuple(values)

    def says(self, name: str, expected: str) -> bool:
        """Whether the claim is exactly this string."""
        return self._members.get(name) == expected

    def addresses(self, audience: str) -> bool:
        """Whether `aud` is this string or a list that holds it (RFC 7519 section 4.1.3)."""
        found = self._members.get("aud")
        return found == audience or (isinstance(found, list) and audience in found)

    def confirms_email(self) -> bool | None:
        """Whether the issuer has verified the address, None when it does not say; only a true `true` confirms."""
        answers = [self._members[name] for name in ("email_verified", "emailVerified") if name in self._members]
        return all(answer is True for answer in answers) if answers else None


def own_caller(claims: Claims, now: float, rules: TokenRules, *, audience: str | None) -> Verified:
    """Judge a token of our auth-service at `now`; with `audience` None it must not have any."""
    if not claims.says("iss", rules.public_url):
        raise InvalidToken(Reason.ISSUER)
    if "aud" in claims if audience is None else not claims.says("aud", audience):
        raise InvalidToken(Reason.AUDIENCE)
    issued_at, expires_at = claims.whole("iat"), claims.whole("exp")
    if expires_at - issued_at > MAX_OWN_LIFETIME_SECONDS:
        raise InvalidToken(Reason.LIFETIME)
    _must_hold_at(claims, now)
    principal = Principal(
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
        expires_at=expires_at,
    )
    return Verified(principal, expires_at)


def better_auth_caller(claims: Claims, now: float, rules: TokenRules) -> Verified:
    """Judge at `now` a token that a Better Auth frontend, or any holder of the shared secret, has signed."""
    if rules.better_auth_issuer is not None and not claims.says("iss", rules.better_auth_issuer):
        raise InvalidToken(Reason.ISSUER)
    if rules.better_auth_audience is not None and not claims.addresses(rules.better_auth_audience):
        raise InvalidToken(Reason.AUDIENCE)
    ends, cap = "exp" in claims, rules.better_auth_max_lifetime_seconds
    if not ends and (rules.better_auth_require_exp or cap):
        raise InvalidToken(Reason.CLAIMS)
    _must_hold_at(claims, now)
    expires_at = claims.instant("exp") if ends else math.inf
    if cap and expires_at - now > cap:
        raise InvalidToken(Reason.LIFETIME)
    verified = claims.confirms_email()
    principal = Principal(
        id=claims.subject(),
        scopes=claims.scopes() if "scope" in claims else None,
        email=claims.text("email") if "email" in claims and verified is not False else None,
        email_verified=verified is True,
        expires_at=expires_at,
    )
    return Verified(principal, expires_at)


def _must_hold_at(claims: Claims, now: float) -> None:
    """Refuse a token that has ended or not begun. `exp` gets no leeway: expired is expired."""
    if "exp" in claims and claims.instant("exp") <= now:
        raise InvalidToken(Reason.EXPIRED)
    if "nbf" in claims and claims.instant("nbf") > now + NOT_BEFORE_LEEWAY_SECONDS:
        raise InvalidToken(Reason.NOT_YET)
    if "iat" in claims and claims.instant("iat") > now + ISSUED_AT_LEEWAY_SECONDS:
        raise InvalidToken(Reason.NOT_YET)
