"""The running service, held to its OpenAPI document."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from devstack.members import UVICORN_FLAGS
from devstack.ports import free_ports
from tests.fuzzing import assert_keeps_its_document
from tests.servers import NewDatabase
from tests.todo_service.harness import NOWHERE, SECRET, token


@pytest.fixture
async def service_url(migrated_database: NewDatabase, redis_url: str) -> AsyncIterator[str]:
    """A service in a process of its own, started by the command of its image."""
    [port] = free_ports(1)
    environment = {
        "ENVIRONMENT": "development",
        "PUBLIC_URL": "http://localhost:8080",
        "DATABASE_URL": await migrated_database("todo"),
        "REDIS_URL": redis_url,
        "AUTH_JWKS_URL": NOWHERE,
        "BETTER_AUTH_SECRET": SECRET,
        "ADMIN_PORT": "0",
        "DRAIN_SECONDS": "0",
        "LOG_LEVEL": "warning",
        "PATH": os.environ["PATH"],
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "--factory", "todo_service.main:create_app", "--port", str(port)),
        *UVICORN_FLAGS,
        env=environment,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(30), httpx.AsyncClient() as client:
            while not await answers(client, f"{url}/readyz"):
                assert process.returncode is None, "the service ended while it was started"
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def answers(client: httpx.AsyncClient, url: str) -> bool:
    """Return whether somebody says 200 there."""
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


class TestTheService:
    async def test_keeps_what_its_document_says(self, service_url):
        """Examples, boundary values, random ones and chains of calls: no 5xx, and every answer matches its schema."""
        # A stream of events has no end to wait for; tests/todo_service/events reads it.
        without_streams = ("--exclude-path", "/events")
        await assert_keeps_its_document(service_url, f"Bearer {token('fuzz')}", *without_streams, seconds=90)
