"""Whom a limit for users counts."""

import pytest

from gateway.configuration.config import Config
from gateway.configuration.settings import Environment, Settings
from gateway.limits import Limits
from shared.redis import RedisClient
from tests.gateway.process import NO_KEYS

ROUTE = {"path": "/a", "upstream": "one", "methods": ["GET"], "auth": "required", "max_body": 0}
TWICE = {"rate": 1, "per": 900, "burst": 2}


@pytest.fixture
def limits() -> Limits:
    """Two requests for each user under `api`, and for each address under `auth`."""
    config = Config.model_validate(
        {
            "limits": {"api": {"key": "user", **TWICE}, "auth": {"key": "ip", **TWICE}},
            "upstreams": {"one": {"url": "http://one"}},
            "routes": [{**ROUTE, "limit": "api"}],
        }
    )
    environment = Environment(environment="development", public_url="http://localhost:8080", auth_jwks_url=NO_KEYS)
    return Limits(Settings(environment, config))


async def lets_in(limits: Limits, name: str, *clients: tuple[str, str | None]) -> list[bool]:
    """Return which of them are let in."""
    return [(await limits.count(name, *one)).retry_after is None for one in clients]


class TestUsers:
    async def test_are_one_from_everywhere(self, limits):
        """A user with two addresses has one limit, and shares none with the others of an address."""
        ada = [(address, "ada") for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3")]

        assert await lets_in(limits, "api", *ada, ("192.0.2.1", "eve")) == [True, True, False, True]

    async def test_without_a_token(self, limits):
        """Where nobody is named, it is the address that counts."""
        nobody = [("192.0.2.1", None) for _ in range(3)]

        assert await lets_in(limits, "api", *nobody, ("192.0.2.2", None)) == [True, True, False, True]

    async def test_who_has_an_address_for_a_name(self, limits):
        """A user who is called like an address takes nothing from it."""
        named = [("192.0.2.9", "192.0.2.1") for _ in range(3)]

        assert await lets_in(limits, "api", *named, ("192.0.2.1", None)) == [True, True, False, True]

    async def test_under_a_limit_of_addresses(self, limits):
        """Users of one address share it."""
        users = [("192.0.2.1", user) for user in ("ada", "bob", "eve")]

        assert await lets_in(limits, "auth", *users) == [True, True, False]

    async def test_are_not_named_in_redis(self, limits, redis_url):
        """Who reads Redis learns no user's id."""
        async with RedisClient.open(redis_url) as redis, limits.counting_in(redis):
            await limits.count("api", "192.0.2.1", "ada")
            [key] = await redis.call("KEYS", "*")

        assert key.startswith(b"rl:api:")
        assert b"ada" not in key
