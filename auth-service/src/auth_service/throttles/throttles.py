"""The counts, which all replicas share in Redis. While it is away each process counts on its own.

A check is one round trip for all its buckets. Keys are MACs: who reads Redis learns neither address nor account.
"""

import hmac
import math
from collections.abc import Iterable
from hashlib import sha1

from redis.exceptions import NoScriptError, ResponseError

from auth_service.throttles.local import LocalCounts
from auth_service.throttles.rules import Bucket, Limit, Mode, Refusal
from shared.metrics import Collector, Counts
from shared.redis import RedisClient, RedisUnavailable, Reply

__all__ = ["Throttles"]

COUNT = """
-- ARGV: whether to count or only to look; then of each key: most, milliseconds, first pause in milliseconds or 0, whose
-- meaning `rules.Rule` tells.
local worst, at = 0, 0
for i, key in ipairs(KEYS) do
  local most, span, pause = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local attempts = tonumber(redis.call('HGET', key, 'attempts') or 0)
  if attempts >= most then
    local wait = redis.call('PTTL', key)
    if pause > 0 then
      wait = wait - span + math.min(span, pause * 2 ^ (attempts - most))
    end
    if wait > worst then
      worst, at = wait, i
    end
  end
end
if at > 0 then
  return {at, math.ceil(worst), redis.call('HSETNX', KEYS[at], 'told', 1)}
end
if ARGV[1] == 'look' then
  return {0, 0, 0}
end
for i, key in ipairs(KEYS) do
  local attempts = redis.call('HINCRBY', key, 'attempts', 1)
  redis.call('HDEL', key, 'told')
  if attempts == 1 or ARGV[3 * i + 1] ~= '0' then
    redis.call('PEXPIRE', key, ARGV[3 * i])
  end
end
return {0, 0, 0}
"""

DIGEST = sha1(COUNT.encode(), usedforsecurity=False).hexdigest()

AWAY = "Redis is away: attempts are counted in each process, at half the rate"


class Throttles:
    """Counts attempts under keys made with `secret`; client addresses get `factor` times the limits."""

    def __init__(self, redis: RedisClient, secret: bytes, factor: int) -> None:
        self._redis = redis
        self._secret = secret
        self._factor = factor
        self._local = LocalCounts()
        self._refused = Counts("throttled_total", "Attempts that were one too many, by limit.", "limit", Limit)

    def bucket(self, limit: Limit, subject: str) -> Bucket:
        """Return the bucket in which `limit` counts what `subject` tries."""
        mac = hmac.digest(self._secret, f"{limit}\x00{subject}".encode(), "sha256")
        rule = limit.rule.scaled(self._factor) if limit.is_by_address else limit.rule
        return Bucket(limit, f"auth:tries:{mac[:16].hex()}", rule)

    async def count(self, *buckets: Bucket) -> Refusal | None:
        """Count one attempt in all `buckets`, or, when one of them is full, in none and return why."""
        return await self._run(Mode.COUNT, buckets)

    async def look(self, *buckets: Bucket) -> Refusal | None:
        """Return why the next attempt would not be let in, without counting one."""
        return await self._run(Mode.LOOK, buckets)

    async def clear(self, *buckets: Bucket) -> None:
        """Forget what was counted in `buckets`."""
        keys = [bucket.key for bucket in buckets]
        self._local.clear(keys)
        try:
            await self._redis.call("DEL", *keys)
        except (RedisUnavailable, ResponseError):
            return

    def remark(self) -> str | None:
        """Say, beside readiness, that the limits are not shared, or None."""
        return None if self._redis.is_up else AWAY

    @property
    def metrics(self) -> Iterable[Collector]:
        """What was refused."""
        return (self._refused,)

    async def _run(self, mode: Mode, buckets: tuple[Bucket, ...]) -> Refusal | None:
        refusal = await self._refusal(mode, buckets)
        if refusal is not None:
            self._refused.add(refusal.limit)
        return refusal

    async def _refusal(self, mode: Mode, buckets: tuple[Bucket, ...]) -> Refusal | None:
        keys = [bucket.key for bucket in buckets]
        numbers = [part for bucket in buckets for part in _numbers(bucket)]
        try:
            at, wait, is_first = await self._evaluate(len(keys), *keys, mode, *numbers)
        except (RedisUnavailable, ResponseError):
            return self._local.run(mode, buckets)
        return Refusal(buckets[at - 1].limit, math.ceil(wait / 1000), bool(is_first)) if at else None

    async def _evaluate(self, *parts: str | int) -> Reply:
        try:
            return await self._redis.call("EVALSHA", DIGEST, *parts)
        except NoScriptError:
            return await self._redis.call("EVAL", COUNT, *parts)


def _numbers(bucket: Bucket) -> tuple[int, int, int]:
    return bucket.rule.most, bucket.rule.seconds * 1000, bucket.rule.pause * 1000
