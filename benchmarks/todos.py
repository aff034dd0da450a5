"""T1–T4: the todo-service's list and create, against a bare FastAPI route and against the plain way to write it."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from benchmarks.measure import CONNECTIONS, Result, Target, compare, served
from benchmarks.service import database_servers, environment_of, migrate, todo_service, token

USERS = [f"bench-user-{number}" for number in range(CONNECTIONS)]
USER = USERS[0]
PING, GUIDE = "benchmarks.peers.ping:app", "benchmarks.peers.guide:app"
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
        Result("T1", "GET /todos?limit=20, cache hit / bare FastAPI route", *cached, bar=0.45, goal=0.7),
        Result("T2", "GET /todos?limit=20, cache off / bare FastAPI route", *uncached, bar=0.25, goal=0.35),
        Result("T3", "GET /todos?limit=20, cache off / the plain service", *plain, bar=4, goal=6),
        Result("T4", "POST /todos with its outbox row / the plain service's, none", *created, bar=2, goal=3),
    ]


@contextmanager
def _environment() -> Iterator[dict[str, str]]:
    """Run durable servers with an empty database, and give every process's environment."""
    with database_servers() as (postgres, valkey):
        environment = environment_of(postgres.url_for("todo"), valkey) | {"BENCH_USERS": ",".join(USERS)}
        migrate(environment)
        yield environment


@contextmanager
def _todo_service(environment: dict[str, str], cache: str) -> Iterator[str]:
    """Run the todo-service with a list of its user's twenty-five todos."""
    with todo_service(environment, cache) as base:
        headers = {"Authorization": f"Bearer {token(USER)}"}
        with httpx.Client(base_url=base, headers=headers) as client:
            for number in range(25 - len(client.get("/todos").json())):
                client.post("/todos", json={"title": f"Todo {number}"}).raise_for_status()
        yield base


def _list(base: str) -> Target:
    return Target(f"{base}/todos?limit=20", [token(USER)])


def _create(base: str) -> Target:
    return Target(f"{base}/todos", [token(user) for user in USERS], [BODY])
