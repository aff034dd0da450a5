"""One service for all tests that change no setting, and services of their own for the others."""

from contextlib import AsyncExitStack

import pytest

from tests.auth_service.counting import hash_with, key_readings, statements
from tests.auth_service.running import Device, serving, settings_for
from tests.auth_service.telling import link_for, told

__all__ = ["hash_with", "key_readings", "link_for", "statements", "told"]


@pytest.fixture(scope="session")
async def service(databases, valkey):
    """The service as `make up` runs it. Every test registers people of its own."""
    url = await databases.create_migrated("auth")
    async with serving(settings_for(url, redis_url=valkey.url)) as running:
        yield running
    await databases.drop(url)


@pytest.fixture(scope="session")
async def replica(service):
    """A second replica of the service."""
    async with serving(service.settings) as running:
        yield running


@pytest.fixture
def client(service):
    """A client without cookies or tokens."""
    return service.client


@pytest.fixture
async def ada(service):
    """A browser in which somebody has just registered."""
    return await service.register()


@pytest.fixture
async def app_of_ada(service):
    """An app that keeps its refresh token itself, in which somebody has just registered."""
    return await service.register(delivery="body")


@pytest.fixture
def stranger(client):
    """A browser in which nobody is signed in."""
    return Device(client)


@pytest.fixture
async def new_service(migrated_database, valkey):
    """Build services with other settings; on a database of the test's own unless it is given."""
    async with AsyncExitStack() as running:

        async def build(database_url=None, **changed):
            url = database_url or await migrated_database("auth")
            settings = settings_for(url, **({"redis_url": valkey.url} | changed))
            return await running.enter_async_context(serving(settings))

        yield build


@pytest.fixture
def later(service):
    """Let time pass for a session: `await later(device, seconds)`."""

    async def pass_time(device, seconds):
        values = {"id": device.answer["session_id"], "seconds": seconds}
        await service.sql(
            "UPDATE refresh_tokens SET issued_at = issued_at - make_interval(secs => :seconds),"
            " seen_at = seen_at - make_interval(secs => :seconds), used_at = used_at - make_interval(secs => :seconds)"
            " WHERE session_id = :id",
            **values,
        )
        await service.sql(
            "UPDATE sessions SET idle_expires_at = idle_expires_at - make_interval(secs => :seconds),"
            " absolute_expires_at = absolute_expires_at - make_interval(secs => :seconds) WHERE id = :id",
            **values,
        )

    return pass_time


@pytest.fixture
def revoked(service):
    """`await revoked(device)`: what every service is told has ended of this person's, the oldest first."""

    async def revoked(device):
        rows = await service.sql(
            "SELECT payload - 'context' FROM outbox"
            " WHERE stream = 'auth:revocations' AND user_id = :id ORDER BY event_id",
            id=device.answer["user"]["id"],
        )
        return [payload for (payload,) in rows]

    return revoked
