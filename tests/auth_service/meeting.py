"""Two requests that meet: one has read an account, and the other changes it before the first has locked it."""

import asyncio
from collections.abc import Coroutine

import httpx
from sqlalchemy import text

from tests.auth_service.running import Device, Service
from tests.waiting import until

WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

ENDS_ALL_SESSIONS = "UPDATE users SET token_version = token_version + 1 WHERE id = :id"


async def meets(
    service: Service, device: Device, meanwhile: str, request: Coroutine[None, None, httpx.Response]
) -> httpx.Response:
    """Return the answer to `request`, which waits for the device's account until `meanwhile` has changed it."""
    user_id = device.answer["user"]["id"]
    async with service.app.state.database.engine.begin() as other:
        await other.execute(text("SELECT FROM users WHERE id = :id FOR NO KEY UPDATE"), {"id": user_id})
        asking = asyncio.create_task(request)
        await until(lambda: service.sql(WAITING))
        await other.execute(text(meanwhile), {"id": user_id})
    return await asking
