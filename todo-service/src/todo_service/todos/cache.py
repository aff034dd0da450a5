"""Pages of lists in Redis: a hit costs one round trip and no PostgreSQL, and no read misses an acknowledged write.

Each user has one hash, `td:{U}:p`, of pages and one random `permit`. Whoever misses gets the permit, queries
PostgreSQL after that, and may fill only while the permit is still the same. A write deletes the hash after its
transaction has ended, however it ended, and before its answer leaves. So whatever is found later was queried after
that commit (decision 0008). Permits are random and not counted: after a flush a counter would repeat.

    READ   one EVALSHA: the page, or the permit, made if there is none
    FILL   one EVALSHA: store the page if the permit is still the same
    CLEAR  one DEL
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from hashlib import sha1
from typing import TypeAlias

import structlog
from redis.exceptions import NoScriptError, ResponseError

from shared.metrics import Collector, Counts, Total
from shared.redis import RedisClient, RedisUnavailable, Reply
from todo_service.keys import user_key

__all__ = ["Page", "PageCache", "Permit", "Step"]

LIFETIME_SECONDS = 60
"""How long a hash lives from its creation on, and with it whatever a lost CLEAR left behind."""

MAX_PAGES, MAX_PAGE_BYTES = 32, 256 * 1024
MAX_DISTRUSTED_USERS = 10_000

READ = """
local page = redis.call('HGET', KEYS[1], ARGV[1])
if page then return {1, page} end
if redis.call('HSETNX', KEYS[1], 'permit', ARGV[2]) == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  return {0, ARGV[2]}
end
return {0, redis.call('HGET', KEYS[1], 'permit')}
"""
# The permit is a field too, so this many fields hold one page less.
FILL = """
if redis.call('HGET', KEYS[1], 'permit') == ARGV[2] and redis.call('HLEN', KEYS[1]) <= tonumber(ARGV[4]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
"""
DIGESTS = {script: sha1(script.encode(), usedforsecurity=False).hexdigest() for script in (READ, FILL)}


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a list as it leaves: its JSON, the cursor of the next page, and the total if it was asked for."""

    body: bytes
    next_cursor: str | None = None
    total: int | None = None
    state: str = ""
    """Which state of the owner's data it shows: their epoch and the number of their latest change."""

    def pack(self) -> bytes:
        """Return the page as one value, the small parts first."""
        total = "" if self.total is None else self.total
        return f"{self.state} {total} {self.next_cursor or ''}\n".encode() + self.body

    @classmethod
    def unpack(cls, packed: bytes) -> "Page":
        """Read what `pack` returned."""
        head, _, body = packed.partition(b"\n")
        state, total, cursor = head.decode().split(" ")
        return cls(body, cursor or None, int(total) if total else None, state)


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to fill what is queried from now on, for as long as nobody clears."""

    token: bytes


Step: TypeAlias = Callable[[str], Awaitable[None]]
"""Awaited with the name of what comes next before each command, so that a proof can choose who moves."""


async def _go_on(_: str) -> None:
    """Let the next command go at once."""


class PageCache:
    """The cached pages of all users. Its faults cost time only: no method raises."""

    def __init__(
        self,
        redis: RedisClient,
        *,
        reads: bool = True,
        clock: Callable[[], float] = time.monotonic,
        step: Step = _go_on,
    ) -> None:
        """With `reads` off, pages are neither read nor filled, but still cleared: other replicas may read them."""
        self._redis = redis
        self._reads = reads
        self._clock = clock
        self._step = step
        self._found = Counts("todo_cache_reads_total", "Pages asked of the cache.", "result", ("hit", "miss", "away"))
        self._unclear = 0
        self._distrusted: OrderedDict[str, float] = OrderedDict()
        self._distrusts_all_until = float("-inf")

    @property
    def metrics(self) -> Iterable[Collector]:
        """What it was good for, and how often it could not be cleared."""
        unclear = "Writes after which the pages could not be cleared."
        return self._found, Total("todo_cache_clears_failed_total", unclear, lambda: self._unclear)

    async def read(self, user_id: str, digest: bytes) -> Page | Permit | None:
        """Return the page, or on a miss the permit to fill it; None when PostgreSQL alone is to be asked."""
        if not self._reads or self._is_distrusted(user_id):
            return None
        await self._step("read")
        fresh, ttl = secrets.token_bytes(12), LIFETIME_SECONDS * 1000
        try:
            found, value = await self._run(READ, _key(user_id), digest, fresh, ttl)
        except (RedisUnavailable, ResponseError):
            self._found.add("away")
            return None
        self._found.add("hit" if found else "miss")
        return Page.unpack(value) if found else Permit(value)

    async def fill(self, user_id: str, digest: bytes, permit: Permit, page: Page) -> None:
        """Keep `page`, which was queried after `permit` was given, unless somebody has cleared since."""
        if len(page.body) > MAX_PAGE_BYTES or self._is_distrusted(user_id):
            return
        await self._step("fill")
        try:
            await self._run(FILL, _key(user_id), digest, permit.token, page.pack(), MAX_PAGES)
        except (RedisUnavailable, ResponseError):
            return

    async def clear(self, user_id: str) -> None:
        """Forget the user's pages. Await it when the write's transaction has ended, before the answer leaves.

        When it fails, this process serves that user's lists from PostgreSQL for as long as an old page could live.
        """
        await self._step("clear")
        try:
            await self._redis.call("DEL", _key(user_id))
        except (RedisUnavailable, ResponseError):
            self._unclear += 1
            self._distrust(user_id)

    def _distrust(self, user_id: str) -> None:
        until = self._clock() + LIFETIME_SECONDS
        self._distrusted[user_id] = until
        self._distrusted.move_to_end(user_id)
        if len(self._distrusted) > MAX_DISTRUSTED_USERS:
            self._distrusts_all_until = until
            self._distrusted.clear()
            structlog.get_logger().warning("cache_distrusted_for_everybody", seconds=LIFETIME_SECONDS)

    def _is_distrusted(self, user_id: str) -> bool:
        if not self._distrusted and self._distrusts_all_until == float("-inf"):
            return False
        now = self._clock()
        if now < self._distrusts_all_until:
            return True
        until = self._distrusted.get(user_id)
        if until is None or now < until:
            return until is not None
        del self._distrusted[user_id]
        return False

    async def _run(self, script: str, key: str, *arguments: bytes | int) -> Reply:
        """Run `script` by its digest, or whole when Redis does not know it: from then on it does."""
        try:
            return await self._redis.call("EVALSHA", DIGESTS[script], 1, key, *arguments)
        except NoScriptError:
            return await self._redis.call("EVAL", script, 1, key, *arguments)


def _key(user_id: str) -> str:
    return f"td:{user_key(user_id)}:p"
