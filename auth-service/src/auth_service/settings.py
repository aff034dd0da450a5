"""Settings of the service."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from shared.settings import CommaSeparated, DatabaseSettings, Origin, RedisSettings, Secret, ServiceSettings
from shared.tokens import TokenRules

__all__ = ["AuthSettings", "OwnSecrets"]


class OwnSecrets(ServiceSettings):
    """What this service's keys are derived from (`auth_service.derivation`)."""

    auth_secret: Secret
    auth_secret_previous: Secret | None = None


class AuthSettings(DatabaseSettings, RedisSettings, TokenRules, OwnSecrets):
    """What the API process reads from its environment."""

    jwt_signing_alg: Literal["ES256", "HS256"] = "ES256"
    access_token_seconds: int = Field(default=600, ge=60, le=900)
    password_min_length: int = Field(default=8, ge=8, le=64)
    account_grace_days: int = Field(default=7, ge=0, le=30)
    hash_workers: int = Field(default=2, ge=1, le=32)
    throttle_factor: int = Field(default=1, ge=1)
    allowed_origins: CommaSeparated[Origin] = ()
    cookie_samesite: Literal["strict", "lax", "none"] = "strict"

    @field_validator("jwt_signing_alg", mode="after")
    @classmethod
    def _has_a_secret_to_sign_with(cls, value: str, info: ValidationInfo) -> str:
        if value == "HS256" and info.data.get("better_auth_secret") is None:
            raise ValueError("HS256 signs with BETTER_AUTH_SECRET, which is not set")
        return value

    @field_validator("cookie_samesite", mode="after")
    @classmethod
    def _cross_site_needs_https(cls, value: str, info: ValidationInfo) -> str:
        if value == "none" and not str(info.data.get("public_url")).startswith("https://"):
            raise ValueError("none needs an https PUBLIC_URL: browsers drop such a cookie otherwise")
        return value

    @property
    def is_encrypted(self) -> bool:
        """Whether browsers reach us by https, so that cookies can be `Secure` and `__Host-`."""
        return self.public_url.startswith("https://")

    @property
    def public_host(self) -> str:
        """The name by which people know us."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The origins of pages that may use the cookie: the frontends' and our own."""
        return frozenset((*self.allowed_origins, self.public_url))
