"""The check of tokens by itself: what it remembers, what it counts, and what it needs."""

import subprocess
import sys

import pytest

from gateway.configuration.settings import Environment
from gateway.problems import BadToken, NoToken
from gateway.tokens import TokenCheck
from shared.metrics import Metrics
from tests.gateway.process import NO_KEYS
from tests.metering import read
from tests.shared.tokens.minting import NOW, SECRET, Clock, better_auth_token


@pytest.fixture
def clock() -> Clock:
    """A clock that moves when a test says so."""
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> TokenCheck:
    """A check that knows the shared secret."""
    environment = Environment(
        environment="development",
        public_url="http://localhost:8080",
        auth_jwks_url=NO_KEYS,
        better_auth_secret=SECRET,
    )
    return TokenCheck(environment, clock=clock)


def bearer(**claims: object) -> list[bytes]:
    return [f"Bearer {better_auth_token(**claims)}".encode()]


class TestAUser:
    async def test_is_the_sub(self, tokens: TokenCheck) -> None:
        """Of a token that is good, wherever one is looked at."""
        assert await tokens.user_of(bearer(sub="ada"), "required") == "ada"
        assert await tokens.user_of(bearer(sub="ada"), "optional") == "ada"

    async def test_is_nobody_where_no_token_counts(self, tokens: TokenCheck) -> None:
        """A route without tokens looks at none, however bad."""
        assert await tokens.user_of([b"Bearer a.b.c"], "none") is None
        assert await tokens.user_of([], "optional") is None

    async def test_lru_expiry(self, tokens: TokenCheck, clock: Clock) -> None:
        """Being remembered gives a token no second of life."""
        remembered = bearer(exp=NOW + 5)
        assert await tokens.user_of(remembered, "required")
        clock.now += 4.9
        assert await tokens.user_of(remembered, "required")

        clock.now += 0.1

        with pytest.raises(BadToken):
            await tokens.user_of(remembered, "required")


class TestFigures:
    async def test_count_what_was_found(self, tokens: TokenCheck) -> None:
        """One count for each request that was looked at, by its result; routes without tokens count nothing."""
        await tokens.user_of(bearer(), "required")
        for fields, problem in (([], NoToken), ([b"Bearer x"], BadToken), (bearer(exp=NOW - 60), BadToken)):
            with pytest.raises(problem):
                await tokens.user_of(fields, "required")
        await tokens.user_of([], "optional")
        await tokens.user_of([], "none")

        found = read(await Metrics(tokens).render())

        counted = {
            name: number for name, number in found.items() if name.startswith("gateway_tokens_total{") and number
        }
        assert counted == {
            f"gateway_tokens_total{{'result': '{result}'}}": 1 for result in ("valid", "missing", "shape", "expired")
        }


class TestItsImports:
    def test_have_no_database_driver(self) -> None:
        """The gateway's image has none, and so no way to a database."""
        asked = "import sys, gateway.main; print(*{'asyncpg', 'sqlalchemy', 'sqlmodel', 'alembic'} & set(sys.modules))"

        found = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)

        assert found.stdout.split() == []
