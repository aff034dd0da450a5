"""Access tokens: ES256 `at+jwt` (RFC 9068) that any JWT library verifies by the published keys, or HS256 for those
who share BETTER_AUTH_SECRET.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jose import jws
from jose.backends.cryptography_backend import CryptographyHMACKey

from auth_service.keys.keyring import KeyRing
from auth_service.settings import AuthSettings
from shared.ids import uuid7

__all__ = ["IssuedToken", "TokenIssuer", "TokenSubject"]

TOKEN_TYPE = "at+jwt"  # noqa: S105  # a media type (RFC 9068 section 2.1)
SPREAD_PERCENT = 5


@dataclass(frozen=True, slots=True)
class TokenSubject:
    """Whom a token names, the session that it belongs to, and what it permits."""

    user_id: UUID
    email: str
    email_verified: bool
    token_version: int
    session_id: UUID
    client_id: str
    scopes: Sequence[str]
    auth_time: datetime
    amr: Sequence[str]


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An access token, and the seconds until it expires."""

    text: str
    expires_in: int


class TokenIssuer:
    """Signs access tokens in the way that JWT_SIGNING_ALG says. `clock` gives the seconds of the epoch."""

    def __init__(self, settings: AuthSettings, keys: KeyRing, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        secret = settings.better_auth_secret if settings.jwt_signing_alg == "HS256" else None
        self._shared_key = CryptographyHMACKey(secret.get_secret_value().encode(), "HS256") if secret else None

    def issue(self, subject: TokenSubject) -> IssuedToken:
        """Return a new access token; raise `KeysUnavailable` while the signing key is not loaded."""
        issued_at, lifetime = int(self._clock()), self._lifetime_seconds()
        claims = self._claims(subject, issued_at, issued_at + lifetime)
        if self._shared_key is not None:
            # No `aud`: a plain `jwt.decode(token, secret, algorithms=["HS256"])` refuses every token that has one.
            text = jws.sign(claims, self._shared_key, headers={"typ": TOKEN_TYPE}, algorithm="HS256")
        else:
            key = self._keys.signing
            claims["aud"] = self._settings.token_audience
            text = jws.sign(claims, key.jose_key, headers={"kid": key.kid, "typ": TOKEN_TYPE}, algorithm="ES256")
        return IssuedToken(text, lifetime)

    def _lifetime_seconds(self) -> int:
        # Clients that logged in together do not all refresh together.
        longest = self._settings.access_token_seconds
        return longest - secrets.randbelow(longest * SPREAD_PERCENT // 100 + 1)

    def _claims(self, subject: TokenSubject, issued_at: int, expires_at: int) -> dict[str, object]:
        return {
            "iss": self._settings.public_url,
            "sub": str(subject.user_id),
            "client_id": subject.client_id,
            "iat": issued_at,
            "exp": expires_at,
            "jti": str(uuid7()),
            "sid": str(subject.session_id),
            "scope": " ".join(subject.scopes),
            "ver": subject.token_version,
            "auth_time": int(subject.auth_time.timestamp()),
            "amr": list(subject.amr),
            "email": subject.email,
            "email_verified": subject.email_verified,
        }
