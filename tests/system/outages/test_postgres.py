"""PostgreSQL is away in every way that there is, under load: quick refusals that say so, and nothing lost."""

import asyncio
import os
import signal
import subprocess
import sys

import asyncpg
import httpx
import pytest

from tests.proofs import rounds
from tests.running_set import RunningSet
from tests.system.outages.load import at_most, under_load
from tests.waiting import until

pytestmark = pytest.mark.kills

ANSWERS = rounds(500)
PATIENCE_SECONDS = 60
POOL = 15
CROWD = 10 * POOL
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'todo-service'"
CODES = {"database_unavailable", "outcome_unknown", "busy"}
ENDS = {"restart": signal.SIGINT, "immediate": signal.SIGQUIT, "kill -9": signal.SIGKILL}


def family(pid: int) -> list[int]:
    """Return a process's id and those of its children."""
    listed = subprocess.run(("ps", "-A", "-o", "pid=,ppid="), capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [pid, *(child for child, parent in pairs if parent == pid)]


class Postgres:
    """The set's own, which devstack starts again a second after its end."""

    def __init__(self, running: RunningSet) -> None:
        self._running = running
        self._url = running.stack()["databases"]["todo"]
        self._frozen: list[int] = []

    def leave(self, way: str) -> None:
        """End it in one of these ways, or freeze it with all who serve."""
        if way in ENDS:
            self._running.signal("postgres", ENDS[way])
            return
        self._frozen = family(self._running.stack()["processes"]["postgres"]["pid"])
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)

    def come_back(self) -> None:
        """Let what is frozen go on."""
        while self._frozen:
            os.kill(self._frozen.pop(), signal.SIGCONT)

    async def serves(self) -> bool:
        """Whether it lets somebody in."""
        try:
            connection = await asyncpg.connect(self._url, timeout=1)
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


@pytest.fixture
def postgres(running_set):
    """It, not frozen any more in the end."""
    postgres = Postgres(running_set)
    yield postgres
    postgres.come_back()


class TestAnOutage:
    @pytest.mark.parametrize("way", [*ENDS, "paused"])
    async def test_of_postgres(self, postgres, inside, people, way):
        """503 and nothing worse until it is back; then all works by itself, and what was acknowledged is there."""
        pids = inside.pids
        async with under_load(people) as load:
            await load.goes_on(ANSWERS)
            load.phase = "during"
            postgres.leave(way)
            await until(lambda: load.bad("during"), PATIENCE_SECONDS)
            postgres.come_back()
            await until(postgres.serves, PATIENCE_SECONDS)
            recovery = await load.works_again("after")
            await load.goes_on(ANSWERS)

        refused = [answer for answer in load.answers if not answer.is_good]
        assert {(answer.status, answer.retry_after) for answer in refused} == {(503, "1")}, load.bad()
        assert {answer.code for answer in refused} <= CODES
        assert load.stale == []
        assert await inside.stored(load) == load.acknowledged
        await until(inside.has_nothing_checked_out)
        assert inside.pids == pids
        slowest = at_most(99, refused)
        sys.stdout.write(
            f"PostgreSQL {way}: first success after {recovery:.2f} s (bar: 2 s), refusals {slowest:.2f} s\n"
        )


class TestHealth:
    async def test_of_those_who_need_it(self, postgres, inside, people):
        """Without it services are alive and not ready, and the gateway is both, and passes on what they say."""
        postgres.leave("paused")
        creating = asyncio.create_task(people[0].create("Not now"))

        await until(lambda: inside.is_answered(503, "/readyz", "auth-service", "todo-service"), PATIENCE_SECONDS)
        alive = await inside.is_answered(200, "/livez", *inside.pids)
        ready = await inside.is_answered(200, "/readyz", "gateway")
        refused = await creating
        postgres.come_back()

        assert (alive, ready) == (True, True)
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        await until(lambda: inside.is_answered(200, "/readyz", *inside.pids), PATIENCE_SECONDS)


class TestOverload:
    async def test_of_the_pool(self, running_set, inside, people):
        """Of ten times as many as there are connections who gets none is told so; PostgreSQL is not asked for more."""
        ada, stack = people[0], running_set.stack()
        operator = await asyncpg.connect(stack["databases"]["todo"])
        limits = httpx.Limits(max_connections=CROWD)
        headers = {"Authorization": ada.client.headers["Authorization"]}
        url = stack["urls"]["todo-service"]
        async with httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=60) as crowd:
            async with operator.transaction():
                await operator.execute("LOCK TABLE todos IN ACCESS EXCLUSIVE MODE")
                asking = [asyncio.create_task(crowd.get("/todos", params={"limit": 7})) for _ in range(CROWD)]
                most = 0
                while not all(task.done() for task in asking):
                    most = max(most, await operator.fetchval(CONNECTIONS))
                    await asyncio.sleep(0.02)
            answers = [await task for task in asking]
            after = await crowd.get("/todos", params={"limit": 7})
        await operator.close()

        assert {(a.status_code, a.json()["code"], a.headers["retry-after"]) for a in answers} == {(503, "busy", "1")}
        assert 0 < most <= POOL
        assert after.status_code == 200
        await until(inside.has_nothing_checked_out)
        seconds = sorted(answer.elapsed.total_seconds() for answer in answers)
        sys.stdout.write(f"Pool: of {CROWD} half are refused within {seconds[CROWD // 2]:.2f} s (bar: 1.1 s)\n")
