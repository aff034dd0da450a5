"""A service that verifies addresses first, for these tests in place of the usual one."""

import pytest

from auth_service.one_time import Use
from tests.auth_service.registration.people import Newcomers
from tests.auth_service.running import serving, settings_for


@pytest.fixture(scope="session")
async def service(databases, valkey):
    """The service with EMAIL_VERIFICATION=required."""
    url = await databases.create_migrated("auth")
    async with serving(settings_for(url, redis_url=valkey.url, email_verification="required")) as running:
        yield running
    await databases.drop(url)


@pytest.fixture(scope="session")
async def open_service(service):
    """A service on the same database that verifies nobody: from it come accounts that were made before."""
    async with serving(
        settings_for(
            str(service.settings.database_url.get_secret_value()),
            redis_url=service.settings.redis_url.get_secret_value(),
        )
    ) as running:
        yield running


@pytest.fixture
def newcomers(service):
    """People who register, wait for their link, and follow it."""
    return Newcomers(service)


@pytest.fixture
async def newcomer(newcomers):
    """Somebody who has registered and not followed the link yet."""
    return await newcomers.sign_up(name="Ada")


@pytest.fixture
async def ada(newcomers):
    """A browser in which somebody is signed in who has verified their address."""
    return await newcomers.join()


@pytest.fixture
async def grace(open_service):
    """A browser in which somebody is signed in who has registered before addresses were verified."""
    return await open_service.register()


@pytest.fixture
def link_for(link_for):
    """`await link_for(device)`: as elsewhere, but the link verifies the address unless it is for another use."""

    async def verifying_link_for(device, use=Use.VERIFY_EMAIL):
        return await link_for(device, use)

    return verifying_link_for


@pytest.fixture
def cost_of(statements, hash_with):
    """`await cost_of(awaitable)`: the answer, how many hashes it took, and the statements that were sent."""
    hasher = hash_with(memory_cost=19_456, time_cost=2, parallelism=1)

    async def cost_of(asking):
        statements.clear()
        before = hasher.calls
        answer = await asking
        return answer, (hasher.calls - before, tuple(statements))

    return cost_of
