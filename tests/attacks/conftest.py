"""A running set in each signing mode, to be attacked."""

from collections.abc import AsyncIterator

import pytest

from tests.attacks.small_set import small_set
from tests.attacks.target import Target
from tests.auth_service.running import SHARED_SECRET, settings_for
from tests.servers import Databases, Valkey
from tests.shared.tokens.key_server import KeyServer, key_server
from tests.shared.tokens.kinds import FRONTEND, make_pairs

SETTINGS = {
    "BETTER_AUTH_SECRET": SHARED_SECRET,
    "BETTER_AUTH_ISSUER": FRONTEND,
    "BETTER_AUTH_AUDIENCE": FRONTEND,
    "THROTTLE_FACTOR": "1",
}


@pytest.fixture(scope="session")
def pairs():
    """The key pairs of a Better Auth frontend, by their algorithms."""
    return make_pairs()


@pytest.fixture(scope="session")
async def frontend(pairs) -> AsyncIterator[KeyServer]:
    """Where the set fetches their public halves."""
    async with key_server(*(pair.jwk() for pair in pairs.values())) as served:
        yield served


@pytest.fixture(scope="session", params=["ES256", "HS256"])
async def target(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    databases: Databases,
    valkey: Valkey,
    pairs: dict[str, object],
    frontend: KeyServer,
) -> AsyncIterator[Target]:
    """A set that signs in this mode; one of each for the whole run."""
    urls = {role: await databases.create_migrated(role) for role in ("auth", "todo")}
    # A secret of its own: what other tests do from this address is counted under other keys.
    secret = f"of the attacked set that signs by {request.param}"
    own = {"AUTH_SECRET": secret, "JWT_SIGNING_ALG": request.param, "BETTER_AUTH_JWKS_URL": frontend.url}
    async with small_set(tmp_path_factory.mktemp(request.param), urls, valkey.url, **SETTINGS, **own) as running:
        yield await Target.of(running, settings_for(urls["auth"], auth_secret=secret), pairs)
    for url in urls.values():
        await databases.drop(url)
