"""Settings of whoever issues or verifies access tokens."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, HttpUrl, SecretStr

from shared.settings import Secret, ServiceSettings
from shared.tokens.keys import hmac_key

__all__ = ["TokenRules", "TokenSettings"]


def _builds_a_key(secret: SecretStr) -> SecretStr:
    hmac_key(secret.get_secret_value())
    return secret


HmacSecret = Annotated[Secret, AfterValidator(_builds_a_key)]
"""A secret that HS256 can use and that nobody can mistake for a public key or a key set."""


class TokenRules(ServiceSettings):
    """By which values tokens are judged. Without BETTER_AUTH_SECRET every HS256 token is refused."""

    token_audience: str = Field(default="todo-api", min_length=1)
    better_auth_secret: HmacSecret | None = None
    better_auth_secret_previous: HmacSecret | None = None
    better_auth_require_exp: bool = True
    # 0 is no cap, because setups of Better Auth issue tokens for up to seven days.
    better_auth_max_lifetime_seconds: int = Field(default=0, ge=0)
    # For tokens by the key set both default to the origin of its URL; for HS256 ones they count only when they are set.
    better_auth_issuer: str | None = None
    better_auth_audience: str | None = None
    better_auth_jwks_url: HttpUrl | None = None

    @property
    def better_auth_origin(self) -> str | None:
        """Where the frontend's key set is: scheme, host and port as in `Origin`, without a default port."""
        if self.better_auth_jwks_url is None:
            return None
        parts = urlsplit(str(self.better_auth_jwks_url))
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class TokenSettings(TokenRules):
    """The rules, and the whole URL of the key set at the auth-service's own address, for all but that service."""

    auth_jwks_url: HttpUrl
    # What becomes of writes while nobody can tell which sessions have ended: they go on, or they are refused.
    revocation_fail_mode: Literal["open", "closed"] = "open"
