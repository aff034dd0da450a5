"""What the gateway runs with: gateway.toml, and over it the environment of this deployment.

`load_settings` reads both and names every fault of both at once.
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError

from gateway.configuration.config import Config, Host
from gateway.configuration.hints import faults_in_environment, faults_in_file
from gateway.configuration.misfits import misfits
from shared.settings import CommaSeparated, Origin, RedisUrl
from shared.tokens.settings import TokenSettings

__all__ = ["Environment", "Settings", "load_settings"]

UPSTREAM_VARIABLE = "GATEWAY_UPSTREAM_{}_URL"


class Environment(TokenSettings):
    """The variables that the gateway reads, beside one `GATEWAY_UPSTREAM_<NAME>_URL` for each upstream."""

    port: int = Field(default=8080, ge=0, le=65535)
    bind_address: str = "0.0.0.0"  # noqa: S104  # a container has one address; `make up` sets 127.0.0.1
    gateway_config: Path | None = None
    gateway_hosts: CommaSeparated[Host] | None = None
    allowed_origins: CommaSeparated[Origin] | None = None
    # How many gateways share the limits: each lets in its part of them while it has to count alone.
    gateway_replicas: int = Field(default=1, ge=1, le=1000)
    throttle_factor: int = Field(default=1, ge=1, le=1_000_000)
    # Without it, every gateway counts alone always.
    redis_url: RedisUrl | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Both parts, valid, and fitting each other."""

    environment: Environment
    config: Config

    @classmethod
    def of(cls, environment: Environment, config: Config) -> Self:
        """Return both parts together; ALLOWED_ORIGINS takes the place of `cors.origins`, GATEWAY_HOSTS of `hosts`."""
        if environment.allowed_origins is not None:
            cors = config.cors.model_copy(update={"origins": environment.allowed_origins})
            config = config.model_copy(update={"cors": cors})
        if environment.gateway_hosts is not None:
            server = config.server.model_copy(update={"hosts": environment.gateway_hosts})
            config = config.model_copy(update={"server": server})
        return cls(environment, config)


def load_settings() -> Settings:
    """Read the environment and the file; on any fault name all faults on stderr and exit with status 2."""
    environment, faults = _read_environment()
    config, faults_of_file = _read_file(_config_path(os.environ), os.environ)
    faults += faults_of_file
    if faults or environment is None or config is None:
        lines = "".join(f"  {fault}\n" for fault in sorted(faults))
        sys.stderr.write(f"gateway cannot start, its settings are wrong:\n{lines}")
        raise SystemExit(2)
    return Settings.of(environment, config)


def _read_environment() -> tuple[Environment | None, list[str]]:
    try:
        return Environment(), []
    except ValidationError as error:
        return None, faults_in_environment(error)


def _read_file(path: Path, variables: Mapping[str, str]) -> tuple[Config | None, list[str]]:
    """Return what the file says, with the addresses that `variables` give, and what is wrong with either."""
    try:
        raw = _with_addresses(tomllib.loads(path.read_text()), variables)
    except FileNotFoundError:
        return None, [f"GATEWAY_CONFIG: there is no file {path}; without the variable it is gateway.toml"]
    except (OSError, ValueError) as error:
        return None, [f"GATEWAY_CONFIG: {path}: {error}"]
    faults = _unknown_variables(variables, raw)
    try:
        return Config.model_validate(raw), faults
    except ValidationError as error:
        # What does not fit together is looked for in a file without other faults only.
        hidden = [] if any(not fault["loc"] for fault in error.errors()) else misfits(raw)
        faults += [f"{path}: {fault}" for fault in (*faults_in_file(error), *(f"routes: {one}" for one in hidden))]
        return None, faults


def _config_path(variables: Mapping[str, str]) -> Path:
    """GATEWAY_CONFIG, else gateway.toml in the working directory (the image), else beside the sources (a checkout)."""
    if named := variables.get("GATEWAY_CONFIG"):
        return Path(named)
    here = Path("gateway.toml")
    beside_sources = Path(__file__).resolve().parents[3] / "gateway.toml"
    return here if here.exists() or not beside_sources.exists() else beside_sources


def _with_addresses(raw: dict[str, object], variables: Mapping[str, str]) -> dict[str, object]:
    """Put each GATEWAY_UPSTREAM_<NAME>_URL into its upstream. Wrong shapes are left for the validation to name."""
    upstreams = raw.get("upstreams")
    if isinstance(upstreams, dict):
        for name, upstream in upstreams.items():
            url = variables.get(UPSTREAM_VARIABLE.format(name.upper()))
            if url and isinstance(upstream, dict):
                upstream["url"] = url
    return raw


def _unknown_variables(variables: Mapping[str, str], raw: Mapping[str, object]) -> list[str]:
    """A misspelt variable would otherwise be a deployment that quietly runs with the file's value."""
    upstreams = raw.get("upstreams")
    names = upstreams if isinstance(upstreams, dict) else {}
    known = {name.upper() for name in Environment.model_fields if name.startswith("gateway_")}
    known |= {UPSTREAM_VARIABLE.format(name.upper()) for name in names}
    unknown = sorted(name for name in variables if name.startswith("GATEWAY_") and name not in known)
    return [f"{name}: is not known; there are {', '.join(sorted(known))}" for name in unknown]
