"""Whom a verified token names."""

import math
from dataclasses import dataclass, field

__all__ = ["Principal"]


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
    kid: str | None = field(default=None, compare=False)
    """The key that signed an own token, if it has an id."""
    issued_at: int | None = field(default=None, compare=False)
    """When the token was made, in seconds of the epoch."""
    expires_at: float = field(default=math.inf, compare=False)
    """When the token ends, in seconds of the epoch (infinity: never). Who is named does not depend on it."""
