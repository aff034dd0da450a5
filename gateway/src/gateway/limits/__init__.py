"""How many requests one client may make: GCRA (decision 0021), counted in Redis for all replicas together.

`Limits` decides about a request; `Rule` is one limit; `RedisCounts` and `LocalCounts` keep what was counted, the latter
for floods and for when Redis is away.
"""

from gateway.limits.addresses import network_of
from gateway.limits.limits import Limits, Standing
from gateway.limits.local import LocalCounts
from gateway.limits.rules import Rule, Verdict
from gateway.limits.shared import RedisCounts

__all__ = ["Limits", "LocalCounts", "RedisCounts", "Rule", "Standing", "Verdict", "network_of"]
