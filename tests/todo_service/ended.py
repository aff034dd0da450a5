"""Sessions of the auth-service, and their ends, as a service hears of them."""

import json
import time
from itertools import count

from redis.asyncio import Redis

from shared.tokens.feed import STREAM
from tests.shared.tokens.minting import own_hs256_token
from tests.todo_service.harness import SECRET

NUMBERS = count(1)


def new_session():
    """The claims of a session of somebody whom no other test knows."""
    number, now = next(NUMBERS), int(time.time())
    times = {"iat": now, "exp": now + 600, "auth_time": now}
    return {"sub": f"signed-in-{number}", "sid": f"session-{number}", "ver": 1, **times}


def bearer(session, **changes):
    """The header of a request with an access token of ours."""
    token = own_hs256_token(secret=SECRET, iss="http://localhost:8080", **session | changes)
    return {"Authorization": f"Bearer {token}"}


async def end(url, **said):
    """Send an end as the auth-service's relay does."""
    async with Redis.from_url(url) as redis:
        await redis.xadd(STREAM, {"event_id": "e", "payload": json.dumps({"exp": time.time() + 960} | said)})
