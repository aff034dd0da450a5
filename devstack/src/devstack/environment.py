"""The one place that decides which environment each process of the set gets. Pure functions, one table.

Everybody gets the caller's environment, then the table's variables, unless the caller has set one of those: what a
developer sets wins. Five variables are the exception, because one value cannot serve several processes, and a
DATABASE_URL that was exported for some other project would be migrated by us. The last column says which variables the
caller may set.

| variable                            | auth-service | todo-service | auth-worker | todo-worker | gateway | caller may |
|-------------------------------------|--------------|--------------|-------------|-------------|---------|------------|
| ENVIRONMENT, LOG_FORMAT, PUBLIC_URL | x            | x            | x           | x           | x       | x          |
| REDIS_URL, DRAIN_SECONDS            | x            | x            | x           | x           | x       | x          |
| ADMIN_PORT                          | x            | x            | x           | x           | x       |            |
| DATABASE_URL                        | x            | x            | x           | x           |         |            |
| BETTER_AUTH_SECRET                  | x            | x            |             |             | x       | x          |
| TRUSTED_PROXIES                     | x            | x            |             |             |         | x          |
| AUTH_JWKS_URL                       |              | x            |             |             | x       | x          |
| AUTH_SECRET, APP_URL                | x            |              | x           |             |         | x          |
| ALLOWED_ORIGINS, THROTTLE_FACTOR    | x            |              |             |             | x       | x          |
| SMTP_URL, MAIL_FROM                 |              |              | x           | x           |         | x          |
| GATEWAY_CONFIG, GATEWAY_UPSTREAM_…  |              |              |             |             | x       | x          |
| PORT, BIND_ADDRESS                  |              |              |             |             | x       | x          |

The migrations get their service's environment.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

APP_URL = "http://localhost:3000"
FRONTENDS = "http://localhost:3000,http://127.0.0.1:3000"
SECRETS = ("AUTH_SECRET", "BETTER_AUTH_SECRET")

_NOT_INHERITED = frozenset({"ADMIN_PORT", "DATABASE_URL", "MIGRATION_DATABASE_URL", "PORT", "MAIL_PORT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where everything of one set listens, and the gateway's routing table."""

    port: int
    mail_port: int
    smtp_port: int
    service_ports: Mapping[str, int]
    admin_ports: Mapping[str, int]
    database_urls: Mapping[str, str]
    redis_url: str
    gateway_config: Path
    data: Path

    @property
    def url(self) -> str:
        """The gateway, as it is announced."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def mail_url(self) -> str:
        """The mail catcher's page and API."""
        return f"http://127.0.0.1:{self.mail_port}"

    def service_url(self, name: str) -> str:
        """A service's own address, without the gateway."""
        return f"http://127.0.0.1:{self.service_ports[name]}"


def environments(at: Addresses, own_secrets: Mapping[str, str], caller: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the whole environment of each process by its name. An empty variable of the caller's counts as unset."""
    inherited = {name: value for name, value in caller.items() if value and name not in _NOT_INHERITED}
    everybody = {
        "ENVIRONMENT": "development",
        "LOG_FORMAT": "console",
        "DRAIN_SECONDS": "0",
        "PYTHONUNBUFFERED": "1",
        "ADMIN_ADDRESS": "127.0.0.1",
        # The page and the API are one site as `localhost`: cookies with SameSite=Strict need that.
        "PUBLIC_URL": f"http://localhost:{at.port}",
        "REDIS_URL": at.redis_url,
    }
    result = {}
    origins = allowed_origins(at.port, inherited.pop("ALLOWED_ORIGINS", FRONTENDS))
    for name, (overridable, fixed) in _table(at, own_secrets, origins).items():
        result[name] = everybody | overridable | inherited | fixed | {"ADMIN_PORT": str(at.admin_ports[name])}
    return result


def _table(
    at: Addresses, own_secrets: Mapping[str, str], origins: str
) -> dict[str, tuple[dict[str, str], dict[str, str]]]:
    """What each process gets beyond what everybody gets: first what the caller may set, then what he may not."""
    browsers = {"ALLOWED_ORIGINS": origins, "THROTTLE_FACTOR": "50"}
    tokens = {"BETTER_AUTH_SECRET": own_secrets["BETTER_AUTH_SECRET"]}
    service = tokens | {"TRUSTED_PROXIES": "127.0.0.1/32"}
    accounts = {"AUTH_SECRET": own_secrets["AUTH_SECRET"], "APP_URL": APP_URL}
    verifier = {"AUTH_JWKS_URL": f"{at.service_url('auth-service')}/.well-known/jwks.json"}
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{at.smtp_port}", "MAIL_FROM": "Todo <todo@localhost>"}
    gateway = {
        "BIND_ADDRESS": "127.0.0.1",
        "GATEWAY_CONFIG": str(at.gateway_config),
        "GATEWAY_UPSTREAM_AUTH_URL": at.service_url("auth-service"),
        "GATEWAY_UPSTREAM_TODO_URL": at.service_url("todo-service"),
    }
    auth, todo = ({"DATABASE_URL": at.database_urls[name]} for name in ("auth", "todo"))
    return {
        "auth-service": (service | accounts | browsers, auth),
        "todo-service": (service | verifier, todo),
        "auth-worker": (accounts | mail, auth),
        "todo-worker": (mail, todo),
        "gateway": (gateway | tokens | verifier | browsers, {"PORT": str(at.port)}),
    }


def allowed_origins(port: int, frontends: str) -> str:
    """The pages that may call: the `frontends`, and the docs page, which is opened under either name."""
    return f"{frontends},http://localhost:{port},http://127.0.0.1:{port}"


def load_secrets(file: Path) -> dict[str, str]:
    """Return this project's own secrets, created at the first call in `file`, which only its owner may read."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    if missing := [name for name in SECRETS if not found.get(name)]:
        file.touch(mode=0o600)
        found |= {name: secrets.token_urlsafe(36) for name in missing}
        file.write_text("".join(f"{name}={value}\n" for name, value in found.items()))
    return found
