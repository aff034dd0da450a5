"""The running service, held to its OpenAPI document."""

import asyncio
import sys

import pytest

from tests.auth_service.processes import START_SECONDS, environment, running
from tests.auth_service.running import PASSWORD, Device, new_address
from tests.waiting import until

ENDS_THE_SESSION = ("logout", "logout_all", "delete_me")
"""Operations after which the token of the run opens nothing: they are tried in a run of their own, the last."""


@pytest.fixture
async def service(migrated_database):
    """A service in a process of its own."""
    async with running(environment(DATABASE_URL=await migrated_database("auth"), LOG_LEVEL="error")) as process:
        await until(process.is_up, START_SECONDS)
        yield process


class TestTheService:
    @pytest.mark.parametrize("which", ["--exclude-operation-id", "--include-operation-id"])
    async def test_keeps_what_its_document_says(self, service, which):
        """Examples, boundary values, random ones and chains of calls: no 5xx, and every answer matches its schema."""
        ada = Device(service.client, delivery="body")
        await ada.post("/auth/register", {"email": new_address(), "password": PASSWORD})
        chosen = [word for name in ENDS_THE_SESSION for word in (which, name)]

        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "run", f"{service.client.base_url}/openapi.json",
            "-H", f"Authorization: {ada.bearer['Authorization']}", *chosen,
            # A token, a link or a password of any text is allowed by its schema, and refused when it is nobody's.
            "--exclude-checks", "positive_data_acceptance",
            "--seed", "1", "-n", "12", "--max-failures", "3", "--generation-database", "none",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(120):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

        assert process.returncode == 0, output.decode()
