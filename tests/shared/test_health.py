"""Alive, ready, and who may know."""

import asyncio
import os
import subprocess
import sys
import time

import httpx
import pytest
from fastapi import FastAPI

from devstack.ports import free_ports
from shared.health import Health, Heartbeats
from shared.health_routes import router as health_router
from shared.resources import opens
from tests.waiting import until


async def never_ready() -> str | None:
    """Fail, as a check does whose database is away."""
    return "database: away"


async def always_ready() -> str | None:
    """Pass."""
    return None


@pytest.fixture
def app_with():
    """Make a client of an app with these checks."""

    def make(*checks, **remarks) -> tuple[FastAPI, httpx.AsyncClient]:
        resources = opens(health=lambda _: Health.serve("127.0.0.1", 0, *checks, **remarks))
        app = FastAPI(redirect_slashes=False, lifespan=resources)
        app.include_router(health_router)
        return app, httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")

    return make


class TestTheServicesPort:
    async def test_health_is_the_guides_answer(self, app_with):
        """GET /health answers as long as the process runs, whatever else is down."""
        app, client = app_with(never_ready)
        async with app.router.lifespan_context(app), client:
            response = await client.get("/health")

        assert (response.status_code, response.json()) == (200, {"status": "healthy"})

    async def test_livez_ignores_dependencies(self, app_with):
        """An outage elsewhere restarts nobody."""
        app, client = app_with(never_ready)
        async with app.router.lifespan_context(app), client:
            assert (await client.get("/livez")).status_code == 200

    async def test_readyz_says_why_not(self, app_with):
        """A process that should get no work says the reason."""
        app, client = app_with(always_ready, never_ready)
        async with app.router.lifespan_context(app), client:
            response = await client.get("/readyz")

        assert response.status_code == 503
        assert response.json() == {"status": "unready", "reason": "database: away"}

    @pytest.mark.parametrize(("check", "status"), [(always_ready, 200), (never_ready, 503)])
    async def test_readyz_remarks(self, app_with, check, status):
        """What an operator should know is said whether the process gets work or not, and nothing else is."""
        app, client = app_with(check, revocations=lambda: "stale", clocks=lambda: None)
        async with app.router.lifespan_context(app), client:
            response = await client.get("/readyz")

        assert response.status_code == status
        assert response.json()["revocations"] == "stale"
        assert "clocks" not in response.json()


class TestTheAdminPort:
    async def ask(self, port: int, question: str) -> int:
        """Ask as an image's HEALTHCHECK does; return the exit status."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shared.health", question),
            env=os.environ | {"ADMIN_PORT": str(port)},
            stdout=subprocess.DEVNULL,
        )
        return await process.wait()

    @pytest.mark.parametrize(
        ("check", "question", "status"),
        [(always_ready, "readyz", 0), (never_ready, "readyz", 1), (never_ready, "livez", 0), (always_ready, "who", 1)],
    )
    async def test_answers_the_health_check(self, check, question, status):
        """`python -m shared.health` exits 0 when the answer is 200."""
        (port,) = free_ports(1)
        async with Health.serve("127.0.0.1", port, check):
            assert await self.ask(port, question) == status

    @pytest.mark.parametrize(("check", "says"), [(always_ready, "ready"), (never_ready, "unready")])
    async def test_status(self, check, says):
        """GET /status tells people all at once, ready or not: the reason, the remarks, the lag and each part."""
        (port,) = free_ports(1)
        parts = {"redis": lambda: {"up": True}}
        async with (
            Health.serve("127.0.0.1", port, check, parts=parts, revocations=lambda: "stale"),
            httpx.AsyncClient() as client,
        ):
            answer = await client.get(f"http://127.0.0.1:{port}/status")

        told = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
        assert (told["status"], told["revocations"], told["redis"]) == (says, "stale", {"up": True})
        assert told.get("reason") == ("database: away" if says == "unready" else None)
        assert {"up_seconds", "loop_lag_seconds"} <= set(told)

    async def test_nobody_there_is_unhealthy(self):
        """A process that does not listen is not ready."""
        (port,) = free_ports(1)

        assert await self.ask(port, "readyz") == 1

    async def test_survives_rubbish(self):
        """Bytes that are no HTTP end their connection and nothing else."""
        (port,) = free_ports(1)
        async with Health.serve("127.0.0.1", port, always_ready):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x16\x03\x01\x00\n")
            await reader.read()
            writer.close()

            assert await self.ask(port, "readyz") == 0


class TestTheEventLoop:
    async def test_is_late_for_as_long_as_somebody_holds_it(self):
        """The lag is told, and below five seconds it is no reason to be restarted."""
        async with Health.serve("127.0.0.1", 0) as health:
            # The watch has gone to sleep for half a second.
            await asyncio.sleep(0)
            free_at = time.monotonic() + 1.2
            while time.monotonic() < free_at:
                pass

            await until(lambda: health.lag_seconds > 0.6)

            assert (await health.livez())[0] == 200


class TestHeartbeats:
    async def test_name_the_loop_that_stands_still(self):
        """A worker whose loop has not run for a minute is not ready, and says which."""
        now = 1000.0
        beats = Heartbeats(clock=lambda: now)
        beats.beat("relay")
        beats.beat("consumer")
        assert await beats.check() is None

        now = 1061.0
        beats.beat("consumer")

        assert await beats.check() == "standing still: relay"
