"""The worker deletes what is over, and nothing else."""

import pytest

from auth_service.accounts import sweep_registrations
from auth_service.audit import sweep_audit
from auth_service.one_time import Use, sweep_one_time_tokens
from auth_service.sessions import sweep_refresh_tokens, sweep_sessions
from auth_service.sweeps import SWEEPS, sweep_all
from shared.ids import uuid7
from shared.sweeping import Swept
from tests.auth_service.running import new_address


@pytest.fixture
async def ada(service):
    """An app in which somebody has registered."""
    return await service.register(delivery="body")


class TestSweeping:
    async def test_expired_registrations(self, sessions, registers, sql):
        """A registration is forgotten when its link has expired."""
        for age in ("1 hour", "-1 hour"):
            registration_id = await registers(new_address())
            await sql.execute(
                f"UPDATE pending_registrations SET expires_at = now() - interval '{age}' WHERE id = $1", registration_id
            )

        assert await sweep_registrations(sessions) == 1
        assert await sql.fetchval("SELECT count(*) FROM pending_registrations WHERE expires_at > now()") == 1

    async def test_one_time_tokens(self, sessions, ada, one_time, sql):
        """A token is known for a day after its end, so that no late try of its mail makes another."""
        for use, age in ((Use.RESET_PASSWORD, "25 hours"), (Use.VERIFY_EMAIL, "23 hours")):
            await one_time("mint", uuid7(), ada.answer["user"]["id"], use)
            await sql.execute(
                f"UPDATE one_time_tokens SET expires_at = now() - interval '{age}' WHERE purpose = $1", use.value
            )

        assert await sweep_one_time_tokens(sessions) == 1
        assert await sql.fetchval("SELECT purpose FROM one_time_tokens") == "verify_email"

    async def test_used_refresh_tokens(self, sessions, ada, sql):
        """A token that was used over 14 days ago goes; the live one stays however old, and works."""
        await sql.execute("UPDATE refresh_tokens SET issued_at = now() - interval '1 minute'")
        await ada.refresh()
        await sql.execute("UPDATE refresh_tokens SET issued_at = issued_at - interval '15 days'")
        await sql.execute("UPDATE refresh_tokens SET used_at = used_at - interval '15 days'")

        assert await sweep_refresh_tokens(sessions) == 1
        assert (await ada.present()).status_code == 200

    async def test_sessions(self, sessions, ada, service, sql):
        """A session goes when nothing can renew it, and its tokens with it; others stay."""
        other = await service.register()
        await sql.execute("UPDATE sessions SET absolute_expires_at = now() WHERE id = $1", ada.answer["session_id"])

        assert await sweep_sessions(sessions) == 1
        left = await sql.fetch("SELECT session_id FROM refresh_tokens")
        assert [str(row[0]) for row in left] == [other.answer["session_id"]]

    async def test_audit(self, sessions, ada, service, sql):
        """An event is kept for 180 days."""
        await service.register()
        await sql.execute(
            "UPDATE audit_events SET at = now() - interval '181 days' WHERE user_id = $1", ada.answer["user"]["id"]
        )

        assert await sweep_audit(sessions) == 1
        assert await sql.fetchval("SELECT count(*) FROM audit_events") == 1

    async def test_all_of_them(self, sessions, ada, sql):
        """One round runs each; what lives stays."""
        await sweep_all(sessions, Swept())

        assert len(SWEEPS) >= 6
        assert await ada.is_signed_in()
