"""The limits as they bear on one request: who asks, how much, and who keeps count."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import NamedTuple, Self

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

from gateway.configuration.config import FLOOD
from gateway.configuration.settings import Settings
from gateway.heads.headers import Pairs
from gateway.limits.addresses import network_of
from gateway.limits.local import LocalCounts
from gateway.limits.rules import Rule, Verdict
from gateway.limits.shared import RedisCounts
from shared.metrics import Collector
from shared.redis import RedisClient

__all__ = ["Limits", "Standing"]

REDIS, LOCAL = "redis", "local"


class Standing(NamedTuple):
    """What comes of counting one request."""

    fields: Pairs
    """What tells the client where it stands."""
    backend: str
    """Who has counted: Redis for all replicas together, or this one alone."""
    retry_after: int | None
    """After how many whole seconds a request that is one too many may come again; None for others."""


class Limits:
    """Counts requests: all that come from one address as `flood`, and each under the limit that its route names."""

    def __init__(self, settings: Settings) -> None:
        config, environment = settings.config, settings.environment
        factor, replicas = environment.throttle_factor, environment.gateway_replicas
        self._flood = Rule.of(FLOOD, config.server.flood, factor)
        self._rules = {name: Rule.of(name, limit, factor) for name, limit in config.limits.items()}
        self._divided = {name: rule.divided(replicas) for name, rule in self._rules.items()}
        self._by_user = {name for name, limit in config.limits.items() if limit.key == "user"}
        self._floods = LocalCounts()
        self._local = LocalCounts()
        self._shared: RedisCounts | None = None
        self._refused: defaultdict[tuple[str, str], int] = defaultdict(int)

    @asynccontextmanager
    async def counting_in(self, redis: RedisClient | None) -> AsyncIterator[Self]:
        """While entered, count in `redis`, if there is one, so that all replicas count together."""
        self._shared = RedisCounts(redis) if redis is not None else None
        try:
            yield self
        finally:
            self._shared = None

    def flood(self, client: str) -> Standing | None:
        """Count a request of this address in this process; return where it stands if there are too many at once."""
        verdict = self._floods.count(network_of(client), self._flood)
        return None if verdict.is_allowed else self._standing(self._flood, verdict, LOCAL)

    async def count(self, name: str, client: str, user: str | None) -> Standing:
        """Count a request of this address, and of this user if a token named one, under the limit `name`."""
        rule, backend, verdict = self._rules[name], REDIS, None
        key = f"rl:{name}:{self._id(name, client, user)}"
        if self._shared is not None and self._shared.is_up:
            verdict = await self._shared.count(key, rule)
        if verdict is None:
            verdict, backend = self._local.count(key, self._divided[name]), LOCAL
        return self._standing(rule, verdict, backend)

    def _id(self, name: str, client: str, user: str | None) -> str:
        if name in self._by_user and user is not None:
            return blake2b(user.encode(), digest_size=16).hexdigest()
        return network_of(client)

    def _standing(self, rule: Rule, verdict: Verdict, backend: str) -> Standing:
        if not verdict.is_allowed:
            self._refused[rule.name, backend] += 1
        return Standing(rule.fields(verdict), backend, None if verdict.is_allowed else verdict.retry_after)

    @property
    def metrics(self) -> Iterable[Collector]:
        """Itself."""
        return (self,)

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        total = CounterMetricFamily(
            "gateway_limited_total", "Requests that were one too many.", labels=("policy", "backend")
        )
        for labels, count in self._refused.items():
            total.add_metric(labels, count)
        return [total]
