"""What somebody hears whose refresh token was stolen."""

from tests.auth_service.running import Device
from tests.waiting import until


class TestAStolenToken:
    async def test_is_mailed_once(self, ada, later, sql, new_worker, post_office):
        """Owner and thief come back again and again: one letter says that the device was logged out."""
        thief = Device(ada.client, refresh_token=ada.refresh_token)
        await thief.refresh()
        await later(ada, 31)
        for device in (ada, thief, ada):
            assert (await device.present()).status_code == 401

        new_worker()
        await until(lambda: _all_done(sql), seconds=20)

        assert [letter["Subject"] for letter in post_office.letters] == ["We have logged out one of your devices"]
        assert post_office.recipients == [ada.email]


async def _all_done(sql):
    return await sql.fetchval("SELECT bool_and(state = 'done') FROM outbox")
