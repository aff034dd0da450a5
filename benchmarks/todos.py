"""T1–T4: the todo-service's list and create, against a bare FastAPI route and against the plain way to write it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from jose import jwt

from benchmarks.measure import LOAD_CORE, Result, Target, compare, served
from devstack.places import temporary_folder
from devstack.ports import free_ports
from devstack.servers import start_postgres, start_valkey

ROOT = Path(__file__).parent.parent
SECRET = "dev-only-benchmark-secret-of-32-bytes-or-more"
USER = "bench-user"
SERVICE, PING, GUIDE = "todo_service.main:create_app", "benchmarks.peers.ping:app", "benchmarks.peers.guide:app"
BODY = '{"title": "Buy milk", "description": "Two litres, and oat milk for Ada", "priority": 4}'


def run() -> list[Result]:
    """Measure T1 to T4 in one run on one machine."""
    with _environment() as environment, served(PING, "/ping", environment) as (ping, _):
        yardstick = Target(f"{ping}/ping")
        with _todo_service(environment, "on") as service:
            cached = compare(_list(service), yardstick)
        with _todo_service(environment, "off") as service, served(GUIDE, "/docs", environment) as (guide, _):
            uncached = compare(_list(service), yardstick)
            plain = compare(_list(service), _list(guide))
            created = compare(_create(service), _create(guide))
    return [
        Result("T1", "GET /todos?limit=20, cache hit / bare FastAPI route", *cached, bar=0.3, goal=0.7),
        Result("T2", "GET /todos?limit=20, cache off / bare FastAPI route", *uncached, bar=0.2, goal=0.35),
        Result("T3", "GET /todos?limit=20, cache off / the plain service", *plain, bar=3, goal=6),
        Result("T4", "POST /todos with its outbox row / the plain service's, none", *created, bar=1.5, goal=3),
    ]


@contextmanager
def _environment() -> Iterator[dict[str, str]]:
    """Start PostgreSQL (durable) and Valkey on the load's core, migrate, and give every process's environment."""
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    with temporary_folder() as folder:
        postgres = start_postgres(folder / "postgres")
        valkey = start_valkey(folder / "valkey", free_ports(1)[0])
        environment = {
            "ENVIRONMENT": "development",
            "PUBLIC_URL": "http://localhost:8080",
            "DATABASE_URL": postgres.url_for("todo"),
            "REDIS_URL": valkey.url,
            "AUTH_JWKS_URL": "http://127.0.0.1:1/.well-known/jwks.json",
            "BETTER_AUTH_SECRET": SECRET,
            "BENCH_USER": USER,
            "ADMIN_PORT": "0",
            "LOG_LEVEL": "info",
            "THROTTLE_FACTOR": "100000",
            "NOTIFY_MAX_PER_HOUR": "0",
            "PYTHONPATH": str(ROOT),
        }
        try:
            migrate = [sys.executable, "-m", "alembic", "upgrade", "head"]
            subprocess.run(
                migrate, cwd=ROOT / "todo-service", env=os.environ | environment, check=True, capture_output=True
            )
            yield environment
        finally:
            valkey.stop()
            postgres.stop()


@contextmanager
def _todo_service(environment: dict[str, str], cache: str) -> Iterator[str]:
    """Run the todo-service with a list of its user's twenty-five todos."""
    with served(SERVICE, "/health", environment | {"TODO_CACHE": cache}, "--factory") as (base, _):
        headers = {"Authorization": f"Bearer {_token()}"}
        with httpx.Client(base_url=base, headers=headers) as client:
            for number in range(25 - len(client.get("/todos").json())):
                client.post("/todos", json={"title": f"Todo {number}"}).raise_for_status()
        yield base


def _token() -> str:
    claims = {"sub": USER, "email": "bench@example.com", "exp": int(time.time()) + 3600}
    return str(jwt.encode(claims, SECRET, algorithm="HS256"))


def _list(base: str) -> Target:
    return Target(f"{base}/todos?limit=20", _token())


def _create(base: str) -> Target:
    return Target(f"{base}/todos", _token(), BODY)
