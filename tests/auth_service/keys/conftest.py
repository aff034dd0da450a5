"""A service on a database of the test's own, and its signing keys."""

import pytest

from tests.auth_service.keys.stored import StoredKeys, seal_of
from tests.auth_service.own_database import sessions, sql, url

__all__ = ["sessions", "sql", "url"]


@pytest.fixture
async def service(new_service, url):
    """The service on it, which has made the first key."""
    return await new_service(url)


@pytest.fixture
def stored(sessions, sql, url):
    """The keys in the database."""
    return StoredKeys(sessions, sql, seal_of(url))
