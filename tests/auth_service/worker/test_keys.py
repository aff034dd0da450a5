"""The worker moves the signing keys, as a process."""

import pytest

from tests.auth_service.keys.stored import StoredKeys, seal_of
from tests.waiting import until

START_SECONDS = 20


@pytest.fixture
def stored(service, sessions, sql, url):
    """The keys of the service, which has made the first."""
    return StoredKeys(sessions, sql, seal_of(url))


class TestTheWorker:
    async def test_moves_what_is_due(self, stored, new_worker):
        """As soon as it starts: a key that was due while no worker was there signs at once."""
        await stored.operate("begin")
        await stored.age(minutes=20)

        new_worker()

        await until(lambda: _are(stored, ["retiring", "active"]), START_SECONDS)

    async def test_begins_a_rotation_in_time(self, stored, new_worker):
        """After KEY_ROTATION_DAYS, with two workers once."""
        await stored.age(days=8)

        workers = [new_worker(KEY_ROTATION_DAYS="7") for _ in range(2)]
        for worker in workers:
            await until(lambda worker=worker: worker.lines("worker_started"), START_SECONDS)

        await until(lambda: _are(stored, ["active", "pending"]), START_SECONDS)
        assert [written[:2] for written in await stored.written()] == [("worker", "key_rotated")]

    async def test_says_that_its_secret_is_wrong(self, stored, new_worker):
        """Long before a rotation would be due, and it goes on with its other work."""
        worker = new_worker(AUTH_SECRET="another secret of the auth-service alone")

        await until(lambda: worker.lines("loop_failed"), START_SECONDS)

        assert "opens with neither AUTH_SECRET nor AUTH_SECRET_PREVIOUS" in worker.output()
        assert worker.process.poll() is None
        assert await stored.states() == ["active"]

    async def test_refuses_to_rotate_all_the_time(self, new_worker):
        """KEY_ROTATION_DAYS is named when it is wrong."""
        worker = new_worker(KEY_ROTATION_DAYS="0")

        await until(lambda: worker.process.poll() is not None, START_SECONDS)

        assert worker.process.returncode == 2
        assert "KEY_ROTATION_DAYS: " in worker.output()


async def _are(stored, states):
    return await stored.states() == states
