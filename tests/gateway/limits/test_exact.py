"""However many processes count together: none lets in one too many, and none of what is free is lost."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.gateway.limits.hammer import RULE
from tests.proofs import IS_WHOLE

PROCESSES, REQUESTS = (8, 4000) if IS_WHOLE else (4, 800)
DEADLINE_SECONDS = 120


@asynccontextmanager
async def hammering(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.gateway.limits.hammer", url, str(REQUESTS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_limit_exact(redis_url: str) -> None:
    """As many are let in as the burst and the time that has passed, by the clock of Redis, allow: one more or less."""
    async with asyncio.timeout(DEADLINE_SECONDS), AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(hammering(redis_url)) for _ in range(PROCESSES)]
        for process in crowd:
            assert process.stdin is not None
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        for process in crowd:
            process.stdin.write(b"go\n")
        results = [json.loads(await process.stdout.readline()) for process in crowd]

    allowed = sum(count for count, _ in results)
    first_before, first_after = (min(times[place] for _, times in results) for place in (0, 1))
    last_before, last_after = (max(times[place] for _, times in results) for place in (2, 3))
    # Nobody knows the very moments of the first request and the last one, only what they lie between.
    least = (last_before - first_after + RULE.tolerance) // RULE.interval
    most = (last_after - first_before + RULE.tolerance) // RULE.interval
    assert least - 1 <= allowed <= most + 1
    assert allowed < PROCESSES * REQUESTS / 2, "the limit was hardly met"
