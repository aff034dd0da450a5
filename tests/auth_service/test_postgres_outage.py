"""PostgreSQL goes away and comes back while the service runs."""

import pytest

from tests.auth_service.running import PASSWORD, assert_problem, new_address, serving, settings_for
from tests.servers import migrate
from tests.waiting import until


@pytest.fixture
async def outage(new_postgres):
    """A service with a PostgreSQL that the test may stop."""
    server = new_postgres()
    url = server.url_for("auth")
    await migrate("auth-service", url)
    async with serving(settings_for(url)) as service:
        yield server, service


class TestWithoutPostgres:
    async def test_everybody_is_asked_to_try_again(self, outage):
        """503 and `Retry-After`, never 500; afterwards nobody has to log in again, and no process was restarted."""
        server, service = outage
        device = await service.register()
        server.kill()
        person = {"email": new_address(), "password": PASSWORD}
        form = {"grant_type": "refresh_token", "client_id": "todo-native", "refresh_token": device.refresh_token}

        answers = [
            await service.client.post("/auth/register", json=person),
            await service.client.post("/auth/login", json=person),
            await device.present(),
            await device.me(),
            await device.send_token("/auth/logout", device.refresh_token),
            await service.client.post("/oauth/token", data=form),
            await service.client.post("/oauth/revoke", data={"token": device.refresh_token}),
        ]
        ready, keys = await service.client.get("/readyz"), await service.client.get("/.well-known/jwks.json")
        server.start()
        await until(device.is_signed_in)

        for answer in answers:
            assert_problem(answer, 503, "database_unavailable")
            assert answer.headers["retry-after"] == "1"
        assert (ready.status_code, keys.status_code) == (503, 200)
        assert (await device.refresh()).status_code == 200
        assert service.app.state.database.engine.pool.checkedout() == 0
