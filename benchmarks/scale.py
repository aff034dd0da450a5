"""T5: a page costs the same however many todos others have. All through the service over HTTP, with the cache off.

The same two users have 4,020 todos in both databases, enough for a 200th page of twenty. Beside them, 9,998 users share
what is left of 1,000,000 todos, or twenty users what is left of 10,000: about a hundred each. The last line reads the
first pages of 1,000 users with a hundred todos, beside one user with 50,000 and without.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import TypeAlias

import asyncpg

from benchmarks.layouts import Layout
from benchmarks.measure import ROUNDS, Result
from benchmarks.service import database_servers, environment_of, migrate, todo_service, token
from devstack.servers import Postgres, Valkey

LARGE = Layout(todos=1_000_000, long_lists=2, long=4_020, short_lists=9_998)
SMALL = Layout(todos=10_000, long_lists=2, long=4_020, short_lists=20)
SKEWED = Layout(todos=150_000, long_lists=1, long=50_000, short_lists=1_000)
EVEN = Layout(todos=100_000, long_lists=0, long=0, short_lists=1_000)
LONG, SHORT = [f"long-{i}" for i in range(1, 3)], [f"short-{i}" for i in range(1, 1_001)]
FIRST_PAGE = "/todos?limit=20"
PAGES, SAMPLES = 200, 1_000

Requests: TypeAlias = Sequence[tuple[str, str]]
"""Paths, each with the token to ask for it with."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One connection to a service, on which pages are asked for one by one."""

    connection: HTTPConnection

    def get(self, path: str, bearer: str) -> str | None:
        """Read a page whole and return the cursor of the next one."""
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {bearer}"})
        response = self.connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        return response.getheader("X-Next-Cursor")

    def page(self, number: int, user_id: str) -> str:
        """Return the path of a page of a user's list, by the cursors from the first one on."""
        path, bearer = FIRST_PAGE, token(user_id)
        for _ in range(number - 1):
            path = f"{FIRST_PAGE}&cursor={self.get(path, bearer)}"
        self.rest()
        return path

    def rest(self) -> None:
        """Close the connection, as the server does to idle ones. The next request opens it again."""
        self.connection.close()

    def milliseconds(self, path: str, bearer: str) -> float:
        """Return how long a page takes."""
        started = time.perf_counter()
        self.get(path, bearer)
        return (time.perf_counter() - started) * 1000


def run() -> list[Result]:
    """Measure T5 and the skew in one run on one machine."""
    with database_servers(durable=False) as (postgres, valkey):
        with _filled(postgres, valkey, "large", LARGE) as large, _filled(postgres, valkey, "small", SMALL) as small:
            first = _compare(large, small, 1, LONG)
            deep = _compare(large, small, PAGES, LONG)
        with _filled(postgres, valkey, "skewed", SKEWED) as skewed, _filled(postgres, valkey, "even", EVEN) as even:
            beside = _compare(skewed, even, 1, SHORT)
    return [
        _result("ms p95, first page: 1,000,000 todos / 10,000", first),
        _result("ms p95, 200th page by cursor: 1,000,000 todos / 10,000", deep),
        _result("ms p95, first page: beside one user with 50,000 / without", beside),
    ]


def _result(what: str, compared: tuple[float, float, float]) -> Result:
    return Result("T5", what, *compared, bar=1.2, goal=1.1, at_most=True)


@contextmanager
def _filled(postgres: Postgres, valkey: Valkey, database: str, layout: Layout) -> Iterator[Reader]:
    """Run the service on a new database of this layout."""
    asyncio.run(_create(postgres.admin_url, database))
    url = postgres.url_for("todo", database)
    environment = environment_of(url, valkey)
    migrate(environment)
    layout.fill(url)
    with todo_service(environment, "off") as base:
        yield Reader(HTTPConnection(base.removeprefix("http://")))


async def _create(admin_url: str, database: str) -> None:
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute(f"CREATE DATABASE {database} OWNER todo")
    finally:
        await connection.close()


def _compare(ours: Reader, peer: Reader, page: int, users: Sequence[str]) -> tuple[float, float, float]:
    """Read this page of the users' lists here and there; return as `measure.compare` does."""
    wanted = [(reader, [(reader.page(page, user), token(user)) for user in users]) for reader in (ours, peer)]
    _p95_of_each(wanted)
    pairs = [_p95_of_each(wanted) for _ in range(ROUNDS)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def _p95_of_each(wanted: Sequence[tuple[Reader, Requests]]) -> list[float]:
    """Let the readers ask in turn, one page each, so that whatever else the machine does meets both alike."""
    taken = [
        [reader.milliseconds(*requests[number % len(requests)]) for reader, requests in wanted]
        for number in range(SAMPLES)
    ]
    for reader, _ in wanted:
        reader.rest()
    return [statistics.quantiles(times, n=100)[94] for times in zip(*taken, strict=True)]
