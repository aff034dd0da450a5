"""Settings of the service."""

import re
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from shared.settings import CommaSeparated, DatabaseSettings, Origin, RedisSettings, Secret, ServiceSettings
from shared.tokens.settings import TokenRules

__all__ = ["AuthSettings", "IntrospectionClient", "OwnSecrets"]


class IntrospectionClient(NamedTuple):
    """A service that may ask about tokens, and the SHA-256 of its secret, which has to be a random one.

    The id is of characters that no encoding changes. An id may be there twice, while its secret is being replaced.
    """

    client_id: str
    secret_sha256: bytes

    @classmethod
    def read(cls, text: str) -> "IntrospectionClient":
        """Read `id:sha256hex`; raise ValueError for anything else, and for the hash of no secret at all."""
        found = re.fullmatch(r"([A-Za-z0-9._~-]{1,100}):([0-9A-Fa-f]{64})", text)
        if found is None or bytes.fromhex(found[2]) == sha256().digest():
            raise ValueError("must be a list of id:sha256hex, each with the SHA-256 of a secret")
        return cls(found[1], bytes.fromhex(found[2]))


_Introspecting = Annotated[IntrospectionClient, BeforeValidator(IntrospectionClient.read)]


class OwnSecrets(ServiceSettings):
    """What this service's keys are derived from (`auth_service.derivation`)."""

    auth_secret: Secret
    auth_secret_previous: Secret | None = None


class AuthSettings(DatabaseSettings, RedisSettings, TokenRules, OwnSecrets):
    """What the API process reads from its environment."""

    jwt_signing_alg: Literal["ES256", "HS256"] = "ES256"
    access_token_seconds: int = Field(default=600, ge=60, le=900)
    email_verification: Literal["off", "required"] = "off"
    password_min_length: int = Field(default=8, ge=8, le=64)
    account_grace_days: int = Field(default=7, ge=0, le=30)
    hash_workers: int = Field(default=2, ge=1, le=32)
    throttle_factor: int = Field(default=1, ge=1)
    allowed_origins: CommaSeparated[Origin] = ()
    introspection_clients: CommaSeparated[_Introspecting] = ()
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
    def verifies_first(self) -> bool:
        """Whether an address has to be verified before it has an account, and before its account can be used."""
        return self.email_verification == "required"

    @property
    def public_host(self) -> str:
        """The name by which people know us."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def trusted_origins(self) -> frozenset[str]:
        """The origins of pages that may use the cookie: the frontends' and our own."""
        return frozenset((*self.allowed_origins, self.public_url))
