"""The running service, held to its OpenAPI document."""

import pytest

from tests.auth_service.processes import START_SECONDS, environment, running
from tests.auth_service.running import PASSWORD, Device, new_address
from tests.fuzzing import assert_keeps_its_document
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

        await assert_keeps_its_document(str(service.client.base_url), ada.bearer["Authorization"], *chosen, seconds=120)
