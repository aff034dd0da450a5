"""One of several processes that ask for the same limit as fast as they can: `hammer <redis URL> <requests>`.

It says that it is ready, waits for a line, and asks. Then it says how many were let in, and the time by Redis, in
microseconds, around its first and its last request: before and after each. The limit lets in one a second, so that a
process that stands still for less does not change how many there can be.
"""

import asyncio
import json
import sys

from gateway.configuration.config import RateConfig
from gateway.limits import RedisCounts, Rule
from shared.redis import RedisClient

RULE = Rule.of("hammered", RateConfig(rate=1, per=1, burst=500), 1)
AT_ONCE = 8
SECOND = 1_000_000


async def now(redis: RedisClient) -> int:
    seconds, micro = await redis.call("TIME")
    return int(seconds) * SECOND + int(micro)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def hammer(url: str, requests: int) -> None:
    async with RedisClient.open(url) as redis:
        counts, allowed = RedisCounts(redis), 0
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)

        async def ask(number: int) -> None:
            nonlocal allowed
            for _ in range(number):
                verdict = await counts.count("hammered", RULE)
                assert verdict is not None, "Redis did not count"
                allowed += verdict.is_allowed

        times = [await now(redis)]
        await ask(1)
        times.append(await now(redis))
        await asyncio.gather(*(ask((requests - 2) // AT_ONCE) for _ in range(AT_ONCE)))
        times.append(await now(redis))
        await ask(1)
        times.append(await now(redis))
        say(json.dumps([allowed, times]))


if __name__ == "__main__":
    asyncio.run(hammer(sys.argv[1], int(sys.argv[2])))
