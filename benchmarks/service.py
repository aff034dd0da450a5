"""Services under measurement: their servers, their environment and the tokens of their callers."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jose import jwt

from benchmarks.measure import LOAD_CORE, served
from devstack.places import temporary_folder
from devstack.ports import free_ports
from devstack.servers import Postgres, Valkey, start_postgres, start_valkey

__all__ = ["database_servers", "environment_of", "migrate", "todo_service", "token"]

ROOT = Path(__file__).parent.parent
SECRET = "dev-only-benchmark-secret-of-32-bytes-or-more"


@contextmanager
def database_servers(*, durable: bool = True) -> Iterator[tuple[Postgres, Valkey]]:
    """Run PostgreSQL and Valkey on the load's core."""
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    with temporary_folder() as folder:
        postgres = start_postgres(folder / "postgres", durable=durable)
        valkey = start_valkey(folder / "valkey", free_ports(1)[0])
        try:
            yield postgres, valkey
        finally:
            valkey.stop()
            postgres.stop()


def environment_of(database_url: str, valkey: Valkey) -> dict[str, str]:
    """Return the environment of every process that is measured."""
    return {
        "ENVIRONMENT": "development",
        "PUBLIC_URL": "http://localhost:8080",
        "DATABASE_URL": database_url,
        "REDIS_URL": valkey.url,
        "AUTH_JWKS_URL": "http://127.0.0.1:1/.well-known/jwks.json",
        "BETTER_AUTH_SECRET": SECRET,
        "ADMIN_PORT": "0",
        "DRAIN_SECONDS": "0",
        "LOG_LEVEL": "info",
        "PYTHONPATH": str(ROOT),
    }


def migrate(environment: Mapping[str, str], member: str = "todo-service") -> None:
    """Bring the database of `environment` to the newest schema of `member`."""
    upgrade = [sys.executable, "-m", "alembic", "upgrade", "head"]
    subprocess.run(upgrade, cwd=ROOT / member, env={**os.environ, **environment}, check=True, capture_output=True)


@contextmanager
def todo_service(environment: Mapping[str, str], cache: str) -> Iterator[str]:
    """Run the todo-service on the servers' core, with its cache `on` or `off`, and give its base URL."""
    own = {**environment, "TODO_CACHE": cache}
    with served("todo_service.main:create_app", "/health", own, "--factory") as (base, _):
        yield base


def token(user_id: str) -> str:
    """Return an access token of a user, good for an hour."""
    claims = {"sub": user_id, "email": "bench@example.com", "exp": int(time.time()) + 3600}
    return str(jwt.encode(claims, SECRET, algorithm="HS256"))
