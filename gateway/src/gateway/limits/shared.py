"""The counts that all replicas share in Redis, by its clock: those of one turn of the event loop in one command."""

import asyncio
from collections.abc import Awaitable
from hashlib import sha1

from redis.exceptions import NoScriptError, ResponseError

from gateway.limits.rules import Rule, Verdict
from shared.redis import RedisClient, RedisUnavailable, Reply

__all__ = ["COUNT", "RedisCounts"]

COUNT = """
-- KEYS may hold one key several times; ARGV has interval and tolerance of each, in microseconds, as `rules` has them.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local verdicts = {}
for i, key in ipairs(KEYS) do
  local interval, tolerance = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local debt = math.min(math.max(tonumber(redis.call('GET', key) or now) - now, 0), tolerance)
  local wait = debt + interval - tolerance
  if wait > 0 then
    verdicts[i] = {0, math.floor((tolerance - debt) / interval), debt, wait}
  else
    debt = debt + interval
    redis.call('SET', key, string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000))
    verdicts[i] = {1, math.floor((tolerance - debt) / interval), debt, 0}
  end
end
return verdicts
"""

DIGEST = sha1(COUNT.encode(), usedforsecurity=False).hexdigest()


class RedisCounts:
    """Counts in `redis`; nothing that goes wrong there is raised."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._loop = asyncio.get_running_loop()
        self._waiting: list[tuple[str, Rule, asyncio.Future[Verdict | None]]] = []
        self._asking: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        """Whether Redis is asked."""
        return self._redis.is_up

    def count(self, key: str, rule: Rule) -> Awaitable[Verdict | None]:
        """Count a request of `key`, unless it is one too many; None when Redis did not count."""
        if not self._waiting:
            # It starts in the next turn: what comes until then goes with it.
            task = self._loop.create_task(self._ask(), name="limits")
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        verdict: asyncio.Future[Verdict | None] = self._loop.create_future()
        self._waiting.append((key, rule, verdict))
        return verdict

    async def _ask(self) -> None:
        waiting, self._waiting = self._waiting, []
        verdicts: list[Verdict | None] = [None] * len(waiting)
        keys = [key for key, _, _ in waiting]
        numbers = [number for _, rule, _ in waiting for number in (rule.interval, rule.tolerance)]
        try:
            verdicts = [Verdict._make(reply) for reply in await self._evaluate(len(keys), *keys, *numbers)]
        except (RedisUnavailable, ResponseError):
            # Away, or full: whoever waits counts in the process.
            pass
        finally:
            for (_, _, future), verdict in zip(waiting, verdicts, strict=True):
                # Its client may have gone meanwhile.
                if not future.done():
                    future.set_result(verdict)

    async def _evaluate(self, *parts: str | int) -> Reply:
        try:
            return await self._redis.call("EVALSHA", DIGEST, *parts)
        except NoScriptError:
            return await self._redis.call("EVAL", COUNT, *parts)
