"""`--todo-suite=…`: the todo-service's tests on other ground (`make test-variants`).

| variant | what is different |
|---|---|
| `partitions` | every table with rows of users has eight hash partitions (`partitions.sql`) |
| `redis-stopped` | the run's Redis is stopped before the first test |
| `redis-killed` | it is killed with SIGKILL half-way, under services that use it |

Without Redis the tests with the mark `needs_redis` are skipped; its reason says what of Redis is their subject.
"""

from enum import StrEnum
from pathlib import Path

import asyncpg
import pytest

from devstack.servers import Valkey

OPTION = "--todo-suite"
PARTITIONS = Path(__file__).with_name("partitions.sql")


class Variant(StrEnum):
    """What is different in this run."""

    PARTITIONS = "partitions"
    REDIS_STOPPED = "redis-stopped"
    REDIS_KILLED = "redis-killed"


class RedisOutage:
    """Ends the run's Redis when its time has come, and skips what cannot do without it from then on."""

    def __init__(self, variant: Variant) -> None:
        self._is_sudden = variant is Variant.REDIS_KILLED
        self._valkey: Valkey | None = None
        self._tests_before = 0

    def over(self, valkey: Valkey) -> None:
        """Take charge of the run's Redis."""
        self._valkey = valkey
        self._end_in_time()

    @property
    def is_here(self) -> bool:
        """Whether Redis is gone."""
        return self._tests_before <= 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests up to the middle: of this process, when several share them."""
        if self._is_sudden:
            processes = getattr(session.config, "workerinput", {}).get("workercount", 1)
            self._tests_before = len(session.items) // (2 * processes)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Count down to the outage, and skip what it makes impossible."""
        self._tests_before -= 1
        self._end_in_time()
        if self.is_here and (mark := item.get_closest_marker("needs_redis")):
            pytest.skip(f"needs Redis: {mark.args[0]}")

    def _end_in_time(self) -> None:
        if self.is_here and self._valkey is not None:
            self._valkey.kill() if self._is_sudden else self._valkey.stop()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the variants."""
    choices = [str(variant) for variant in Variant]
    parser.addoption(OPTION, choices=choices, help="run tests/todo_service, and only that, on other ground")


def pytest_configure(config: pytest.Config) -> None:
    """Begin the outage, if this is one."""
    variant = config.getoption(OPTION)
    if variant in {Variant.REDIS_STOPPED, Variant.REDIS_KILLED}:
        config.pluginmanager.register(RedisOutage(Variant(variant)), RedisOutage.__name__)


def outage_of(config: pytest.Config) -> RedisOutage | None:
    """Return the outage of this run, if it is one."""
    return config.pluginmanager.get_plugin(RedisOutage.__name__)


async def partition(database_url: str) -> None:
    """Give the tables of a migrated, empty database their parts."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(PARTITIONS.read_text())
    finally:
        await connection.close()
