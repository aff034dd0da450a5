"""Every copy equals the table at its token, whoever writes, ends or reads when: and the proof can fail."""

import random
from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.todo_service.changes.ledger import Rules
from tests.todo_service.changes.world import World
from tests.todo_service.harness import Caller

WHAT = ("read", "read", "read", "write", "write", "write", "write", "commit", "commit", "rollback")
STEPS = st.tuples(st.sampled_from(WHAT), st.integers(0, 5), st.integers(0, 219))
USERS, TRIES = count(1), 150

SABOTAGES = {
    "numbers of a sequence": Rules(locks_counter=False),
    "a restored todo with its old number": Rules(restore_takes_number=False),
    "no tombstones": Rules(removal_leaves_tombstone=False),
    "forgetting that tombstones are gone": Rules(sweep_raises_purged_seq=False),
}


@pytest.fixture(scope="module")
async def connections(todo_database_url) -> AsyncIterator[list[asyncpg.Connection]]:
    """The writers' connections."""
    opened = [await asyncpg.connect(todo_database_url) for _ in range(3)]
    yield opened
    for connection in opened:
        await connection.close()


async def faults_of(app, connections, rules: Rules, schedule: list[tuple[str, int, int]]) -> list[str]:
    """Return what a world with these rules got wrong when it was played so."""
    user_id = f"reader-{next(USERS)}"
    async with Caller(app, user_id) as client:
        world = World(user_id, client, connections, rules)
        await world.play(schedule)
        return world.faults


class TestReaders:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(schedule=st.lists(STEPS, max_size=60))
    async def test_have_the_table_at_their_token(self, app, connections, schedule):
        """Three writers with rollbacks, restores, purges and new epochs; three readers, and two that come late."""
        assert await faults_of(app, connections, Rules(), schedule) == []

    @pytest.mark.parametrize("name", SABOTAGES)
    async def test_are_seen_to_differ(self, app, connections, name):
        """Each way in which a writer could go wrong is found out by some schedule."""
        dice = random.Random(7)

        for _ in range(TRIES):
            schedule = [(dice.choice(WHAT), dice.randrange(6), dice.randrange(220)) for _ in range(60)]
            if await faults_of(app, connections, SABOTAGES[name], schedule):
                return

        pytest.fail(f"{TRIES} schedules did not notice {name}")
