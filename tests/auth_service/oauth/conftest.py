"""A service that two others may ask about tokens."""

from hashlib import sha256

import pytest

from tests.auth_service.oauth.asking import PEER, SECRET, Peer
from tests.auth_service.running import serving, settings_for

OLD_SECRET = "the one before, a+b/c=%41"


@pytest.fixture(scope="session")
async def service(databases, valkey):
    """As the service of the other tests, and known to a peer whose secret is being replaced."""
    url = await databases.create_migrated("auth")
    digests = [sha256(secret.encode()).hexdigest() for secret in (SECRET, OLD_SECRET)]
    clients = f"other:{'0' * 64}, {PEER}:{digests[0]}, {PEER}:{digests[1].upper()}"
    async with serving(settings_for(url, redis_url=valkey.url, introspection_clients=clients)) as running:
        yield running
    await databases.drop(url)


@pytest.fixture
def peer(client):
    """The service that may ask."""
    return Peer(client)
