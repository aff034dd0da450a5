"""The limits as they bear on one request: who asks, how much, and who keeps count."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import Self

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

from gateway.configuration.config import FLOOD
from gateway.configuration.settings import Settings
from gateway.exchange.visit import Visit
from gateway.limits.addresses import network_of
from gateway.limits.local import LocalCounts
from gateway.limits.rules import Rule, Verdict
from gateway.limits.shared import RedisCounts
from gateway.problems import RateLimited
from shared.metrics import Collector
from shared.redis import RedisClient

__all__ = ["Limits"]

REDIS, LOCAL = "redis", "local"


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

    def refuse_floods(self, visit: Visit) -> None:
        """Count the request for its address in this process; raise `RateLimited` when there are too many at once."""
        verdict = self._floods.count(network_of(visit.identity.client), self._flood)
        if not verdict.is_allowed:
            self._refuse(visit, self._flood, verdict, LOCAL)

    async def count(self, visit: Visit, name: str) -> None:
        """Count the request under the limit `name`, and tell the client where it stands.

        Raises `RateLimited` when it is one too many.
        """
        rule, backend, verdict = self._rules[name], REDIS, None
        key = f"rl:{name}:{self._id(visit, name)}"
        if self._shared is not None and self._shared.is_up:
            verdict = await self._shared.count(key, rule)
        if verdict is None:
            verdict, backend = self._local.count(key, self._divided[name]), LOCAL
        visit.limit_backend = backend
        if not verdict.is_allowed:
            self._refuse(visit, rule, verdict, backend)
        visit.reply.limit = rule.fields(verdict)

    def _id(self, visit: Visit, name: str) -> str:
        if name in self._by_user and visit.user is not None:
            return blake2b(visit.user.encode(), digest_size=16).hexdigest()
        return network_of(visit.identity.client)

    def _refuse(self, visit: Visit, rule: Rule, verdict: Verdict, backend: str) -> None:
        self._refused[rule.name, backend] += 1
        visit.reply.limit = rule.fields(verdict)
        raise RateLimited(rule.retry_after(verdict))

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
