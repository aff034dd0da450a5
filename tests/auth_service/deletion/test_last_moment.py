"""A login in the last moment of the grace days: whoever locks the account first decides, and both agree on it."""

import asyncio
import random

import pytest
from sqlalchemy import event, text

from auth_service.accounts.deletion import purge_accounts
from shared.database import WORKER, Database
from tests.auth_service.deletion.deleting import delete, status_of, user_id
from tests.auth_service.running import Device, assert_problem
from tests.proofs import rounds
from tests.waiting import until

INTERLEAVINGS, AT_ONCE = rounds(500), 5
CHEAP = {"memory_cost": 8, "time_cost": 1, "parallelism": 1}
RESTORED, PURGED = (200, "active", False), (401, None, True)


class LastMoment:
    """A login and a purge around the moment at which the grace days end."""

    def __init__(self, service, seed):
        self._service = service
        self._chance = random.Random(seed)

    async def run(self, person):
        """Return how the login was answered, and what is left: the account's status, and whether its end was told."""
        # Far from the login, just before it, or about when it has come to the lock.
        left = self._chance.choice([0, 8, *(self._chance.uniform(0, longest) for longest in (0.02, 0.05, 0.1, 0.2))])
        await self._service.sql(
            "UPDATE users SET status = 'deleting', purge_after = clock_timestamp() + make_interval(secs => :left)"
            " WHERE id = :id",
            left=left,
            id=user_id(person),
        )
        answer, _ = await asyncio.gather(Device(self._service.client).login(person.email), self._purge(person))
        told = "SELECT 1 FROM outbox WHERE type = 'user.deleted' AND user_id = :id"
        is_told = bool(await self._service.sql(told, id=str(user_id(person))))
        return answer.status_code, await status_of(self._service, person), is_told

    async def _purge(self, person):
        """Purge until the account is gone, or stays."""

        async def is_decided():
            await purge_accounts(self._service.app.state.database.sessions)
            return await status_of(self._service, person) != "deleting"

        await until(is_decided, 60)


class TestALoginAtTheLastMoment:
    async def test_restores_the_account_or_finds_none(self, service, hash_with):
        """However they interleave: logged in, and the account stays; or refused, and all of it is gone and told."""
        hash_with(**CHEAP)
        seed = random.randrange(2**32)
        race, seen = LastMoment(service, seed), set()

        for _ in range(0, INTERLEAVINGS, AT_ONCE):
            people = [await service.register() for _ in range(AT_ONCE)]
            seen |= set(await asyncio.gather(*(race.run(person) for person in people)))

        # Both were seen, and nothing else.
        assert seen == {RESTORED, PURGED}, f"seed {seed}"


@pytest.fixture
async def purge_later(service):
    """`await purge_later()`: purge as if the grace days were over; with `locking=False` as it were without locks."""

    async def purge_later(*, locking=True):
        def rewrite(connection, cursor, statement, parameters, *_):
            later = statement.replace("clock_timestamp()", "clock_timestamp() + interval '8 days'")
            return later if locking else later.replace(" FOR UPDATE SKIP LOCKED", ""), parameters

        async with Database.open(service.settings.database_url.get_secret_value(), "tests", WORKER) as database:
            event.listen(database.engine.sync_engine, "before_cursor_execute", rewrite, retval=True)
            await purge_accounts(database.sessions)

    return purge_later


@pytest.fixture
def decide(service, ada, stranger):
    """`await decide(purge)`: purge while a login has restored an account and waits before it commits.

    Returns how the login was answered, and how the account is stored in the end.
    """

    async def are_waiting(number):
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return len(await service.sql(waiting)) == number

    async def decide(purge):
        await delete(ada)
        async with service.app.state.database.engine.begin() as other:
            # The login needs this row after it has restored the account.
            await other.execute(text("SELECT FROM credentials WHERE user_id = :id FOR UPDATE"), {"id": user_id(ada)})
            login = asyncio.create_task(stranger.login(ada.email))
            await until(lambda: are_waiting(1))
            purging = asyncio.create_task(purge)
            while not (purging.done() or await are_waiting(2)):
                await asyncio.sleep(0)
        await purging
        return (await login).status_code, await status_of(service, ada)

    return decide


class TestALoginThatHasNotCommitted:
    async def test_keeps_its_account(self, decide, purge_later):
        """The purge leaves alone whom a login has hold of."""
        assert await decide(purge_later()) == (200, "active")

    async def test_would_lose_it_without_the_lock(self, decide, purge_later):
        """A purge that only looks deletes an account whose owner has just come back: this file can see it."""
        assert await decide(purge_later(locking=False)) == (200, None)


class TestALoginThatWaits:
    async def test_comes_too_late_when_the_day_ends_meanwhile(self, service, ada, stranger):
        """What was in time when it was read is looked at again under the lock."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        await delete(ada)
        async with service.app.state.database.engine.begin() as other:
            await other.execute(text("SELECT FROM users WHERE id = :id FOR NO KEY UPDATE"), {"id": user_id(ada)})
            login = asyncio.create_task(stranger.login(ada.email))
            await until(lambda: service.sql(waiting))
            await other.execute(text("UPDATE users SET purge_after = now() WHERE id = :id"), {"id": user_id(ada)})

        assert_problem(await login, 401, "invalid_credentials")
        assert await status_of(service, ada) == "deleting"
