"""Settings of a process: one frozen class a service, read from the environment or from files of secrets.

A setting is found in the environment (an empty variable counts as unset), else in the file of the same name in lower
case under /run/secrets. Nothing is read when a module is imported: `load` is called by the composition root.
"""

import sys
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = [
    "CommaSeparated",
    "DatabaseSettings",
    "Origin",
    "RedisSettings",
    "RedisUrl",
    "Secret",
    "ServiceSettings",
    "load",
]

SECRETS_FOLDER = Path("/run/secrets")
SAMPLE_MARK = "dev-only-"
MIN_SECRET_BYTES = 32


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(
            f"is too short: at least {MIN_SECRET_BYTES} bytes are needed, for one from `openssl rand -base64 33`"
        )
    return secret


def _bare_origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.netloc or value != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"must be an origin like https://todo.example, without path or trailing slash, not {value!r}")
    return value


def _server_at(like: str, *beginnings: str) -> AfterValidator:
    """Take addresses that begin so. What is refused is not repeated, for it may hold a password."""

    def check(secret: SecretStr) -> SecretStr:
        address = secret.get_secret_value()
        try:
            is_one = address.startswith(beginnings) and urlsplit(address).port != 0
        except ValueError:
            is_one = False
        if not is_one:
            raise ValueError(f"must be an address like {like}")
        return secret

    return AfterValidator(check)


Item = TypeVar("Item")
CommaSeparated = Annotated[tuple[Item, ...], NoDecode, BeforeValidator(_split)]
"""A list written with commas, as in `10.0.0.0/8, 127.0.0.1/32`."""

Origin = Annotated[str, AfterValidator(_bare_origin)]
"""Scheme, host and port as browsers send them in `Origin` (RFC 6454 section 6.2)."""

Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
"""A secret of at least 32 bytes; never shown by repr or logs."""

DatabaseUrl = Annotated[
    SecretStr,
    _server_at("postgresql://role:password@host/database", "postgresql://", "postgresql+asyncpg://", "postgres://"),
]
"""Where PostgreSQL is."""

RedisUrl = Annotated[SecretStr, _server_at("redis://host:6379/0", "redis://", "rediss://", "unix://")]
"""Where Redis is, in one of the forms that redis-py knows."""

Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(lambda value: ip_network(value, strict=True))]


class ServiceSettings(BaseSettings):
    """What every process has. `environment` comes first, because the other checks look at it.

    What further groups of settings there are derive from this class, and a service combines those alone: beside it, a
    plain `BaseSettings` would bring back the defaults of `model_config` and put its fields before `environment`.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        secrets_dir=SECRETS_FOLDER if SECRETS_FOLDER.is_dir() else None,
    )

    environment: Literal["production", "development"] = "production"
    public_url: Origin
    trusted_proxies: CommaSeparated[Network] = ()
    admin_port: int = Field(default=9090, ge=0, le=65535)
    admin_address: str = "0.0.0.0"  # noqa: S104  # an orchestrator asks from outside the container
    # How long a process that is told to end serves on, so that balancers can look elsewhere first.
    drain_seconds: int = Field(default=5, ge=0, le=600)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @field_validator("*", mode="after")
    @classmethod
    def _no_sample_secret_in_production(cls, value: object, info: ValidationInfo) -> object:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and SAMPLE_MARK in text and info.data.get("environment") == "production":
            raise ValueError(
                "is a sample: set a secret of your own, or ENVIRONMENT=development on a developer's machine"
            )
        return value

    @field_validator("public_url", mode="after")
    @classmethod
    def _encrypted_in_production(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("environment") == "production" and not value.startswith("https://"):
            raise ValueError("must be https in production")
        return value

    def trusts(self, host: str | None) -> bool:
        """Whether the peer at the address `host` is one of TRUSTED_PROXIES."""
        try:
            address = ip_address(host or "")
        except ValueError:
            return False
        return any(address in network for network in self.trusted_proxies)


class DatabaseSettings(ServiceSettings):
    """Where the service's own PostgreSQL database is: `postgresql://role:password@host:port/database`."""

    database_url: DatabaseUrl


class RedisSettings(ServiceSettings):
    """Where Redis is: `redis://host:port/0`."""

    redis_url: RedisUrl


SomeSettings = TypeVar("SomeSettings", bound=BaseSettings)


def load(settings: type[SomeSettings], process: str) -> SomeSettings:
    """Read the settings of `process`; on any fault name every faulty variable on stderr and exit with status 2."""
    try:
        return settings()
    except ValidationError as error:
        faults = "".join(f"  {line}\n" for line in sorted(set(_faults(error))))
        sys.stderr.write(f"{process} cannot start, its settings are wrong:\n{faults}")
        raise SystemExit(2) from None


def _faults(error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors(include_input=False, include_url=False):
        variable = str(fault["loc"][0]).upper() if fault["loc"] else "settings"
        message = "is missing" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
        lines.append(f"{variable}: {message}")
    return lines
