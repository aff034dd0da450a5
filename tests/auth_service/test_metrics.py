"""What the service counts."""

from tests.auth_service.running import serving, settings_for
from tests.metering import read, scan


class TestFigures:
    async def test_label_count(self, migrated_database):
        """Ten thousand paths leave two hundred series at most, all other figures in."""
        async with serving(settings_for(await migrated_database("auth"))) as service:
            await scan(service.app, 10_000)
            found = read(await service.app.state.metrics.render())

        assert len(found) <= 200
        assert found["http_request_seconds_count"] == 10_000

    async def test_counts_what_is_one_too_many(self, migrated_database, redis_url):
        """A refusal by a limit is counted under the limit's name."""
        settings = settings_for(await migrated_database("auth"), redis_url=redis_url)
        async with serving(settings) as service:
            device = await service.register()
            for _ in range(6):
                answer = await device.post("/auth/login", {"email": device.email, "password": "not the password"})
            found = read(await service.app.state.metrics.render())

        assert answer.status_code == 429
        assert (
            found["throttled_total{'limit': 'passwords'}"] + found["throttled_total{'limit': 'passwords_on_device'}"]
            == 1
        )
        assert found["throttled_total{'limit': 'logins'}"] == 0
