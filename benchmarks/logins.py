"""A1 and A3: what a crowd that logs in costs others. A4: whether the time of a refusal tells who has an account."""

import json
import select
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx

from benchmarks.measure import ROUNDS, Result, Target, served
from benchmarks.service import database_servers, environment_of, migrate, todo_service, token

CLIENTS, CROWD = 20, 100
SECONDS = 5
PASSWORD = "correct horse battery staple"
PEOPLE = [{"email": f"person-{number}@example.com", "password": PASSWORD} for number in range(CLIENTS)]


def run() -> list[Result]:
    """Measure A1, A3 and A4 in one run on one machine."""
    with _services() as (todos, auth):
        reader, headers = HTTPConnection(todos.removeprefix("http://")), {"Authorization": f"Bearer {token('ada')}"}
        _p99_of_reading(reader, headers)
        pairs = [(_while_they_log_in(auth, reader, headers), _p99_of_reading(reader, headers)) for _ in range(ROUNDS)]
        crowded = [_p99_in_a_crowd(auth) for _ in range(ROUNDS)]
        known, unknown = _medians_of_refusals(auth)
    busy, calm = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio, lives = statistics.median(a / b for a, b in pairs), statistics.median(crowded)
    reads = f"ms p99, GET /todos while {CLIENTS} log in without pause / without"
    tells = "ms median, wrong password of an account / of nobody, or the reverse"
    alive = f"ms p99, /livez of the auth-service while {CROWD} log in at once"
    return [
        Result("A1", reads, busy, calm, ratio, bar=3, goal=1.5, at_most=True),
        Result("A3", alive, lives, 1, lives, bar=50, goal=25, at_most=True),
        Result("A4", tells, known, unknown, max(known / unknown, unknown / known), bar=1.15, goal=1.05, at_most=True),
    ]


@contextmanager
def _services() -> Iterator[tuple[str, str]]:
    """Run both services on the servers' core; give their base URLs."""
    with database_servers() as (postgres, valkey):
        todo = environment_of(postgres.url_for("todo"), valkey)
        auth = environment_of(postgres.url_for("auth"), valkey) | {
            "AUTH_SECRET": "dev-only-benchmark-secret-of-the-auth-service",
            "THROTTLE_FACTOR": "100000",
        }
        migrate(todo)
        migrate(auth, "auth-service")
        with (
            todo_service(todo, "on") as todos,
            served("auth_service.main:create_app", "/health", auth, "--factory") as (base, _),
        ):
            for person in PEOPLE:
                httpx.post(f"{base}/auth/register", json=person).raise_for_status()
            yield todos, base


def _while_they_log_in(auth: str, reader: HTTPConnection, headers: dict[str, str]) -> float:
    logins = Target(f"{auth}/auth/login", bodies=[json.dumps(person) for person in PEOPLE], connections=CLIENTS)
    with tempfile.TemporaryDirectory() as folder:
        load = subprocess.Popen(logins.wrk(Path(folder), SECONDS + 2), stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        milliseconds = _p99_of_reading(reader, headers)
        printed, _ = load.communicate()
    assert "Non-2xx" not in printed, printed
    return milliseconds


def _p99_of_reading(reader: HTTPConnection, headers: dict[str, str]) -> float:
    """Read todos for `SECONDS`, one request after the other; return the 99th percentile in milliseconds."""
    until = time.perf_counter() + SECONDS
    return _p99(reader, "/todos?limit=20", headers, lambda: time.perf_counter() < until)


def _p99_in_a_crowd(auth: str) -> float:
    """Let everybody log in at the same moment; return the 99th percentile of /livez in milliseconds."""
    crowd = [HTTPConnection(auth.removeprefix("http://")) for _ in range(CROWD + 1)]
    for one in crowd:
        one.connect()
    probe, *logins = crowd
    for number, login in enumerate(logins):
        body = json.dumps({"email": f"stranger-{number}@example.com", "password": PASSWORD})
        login.request("POST", "/auth/login", body, {"Content-Type": "application/json"})
    sockets = [login.sock for login in logins]
    return _p99(probe, "/livez", {}, lambda: len(select.select(sockets, [], [], 0)[0]) < CROWD)


def _medians_of_refusals(auth: str) -> tuple[float, float]:
    """Log in with wrong passwords, in turn to an account and to none; return the median milliseconds of each."""
    connection = HTTPConnection(auth.removeprefix("http://"))
    owners, strangers = [person["email"] for person in PEOPLE], [f"nobody-{n}@example.com" for n in range(CLIENTS)]
    taken: dict[bool, list[float]] = {True: [], False: []}
    # Three tries an account: five in a row would be throttled.
    for owner, stranger in zip(owners * 3, strangers * 3, strict=True):
        for email in (owner, stranger):
            body = json.dumps({"email": email, "password": "not that"})
            started = time.perf_counter()
            connection.request("POST", "/auth/login", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            taken[email == owner].append((time.perf_counter() - started) * 1000)
            assert response.status == 401, response.status
    return statistics.median(taken[True]), statistics.median(taken[False])


def _p99(connection: HTTPConnection, path: str, headers: dict[str, str], goes_on: Callable[[], bool]) -> float:
    taken = []
    while goes_on():
        started = time.perf_counter()
        connection.request("GET", path, headers=headers)
        connection.getresponse().read()
        taken.append((time.perf_counter() - started) * 1000)
        time.sleep(0.002)
    return statistics.quantiles(taken, n=100)[98]
