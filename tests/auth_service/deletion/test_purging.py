"""The worker deletes an account when its grace days are over."""

import asyncio

import pytest
from sqlalchemy import text

from auth_service.accounts import count_failure
from auth_service.accounts.deletion import purge_accounts
from auth_service.audit import Actor, Audited, AuditLog, Source
from auth_service.one_time import Use
from shared.database import transaction
from shared.ids import uuid7
from tests.auth_service.deletion.deleting import delete, let_grace_pass, status_of, user_id
from tests.auth_service.running import PASSWORD, Device
from tests.waiting import until

ROWS_OF_PEOPLE = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    " AND (column_name IN ('user_id', 'email', 'email_norm') OR (table_name, column_name) = ('users', 'id'))"
)
KEPT = {"audit_events", "outbox"}
"""What outlives an account: without what describes a person, and until it is told."""


@pytest.fixture
def sessions(service):
    """Sessions on the service's database."""
    return service.app.state.database.sessions


@pytest.fixture
async def lapsed(service, ada, link_for):
    """Somebody whose grace days are over; in every table there is something of theirs."""
    await ada.refresh()
    assert (await delete(ada)).status_code == 202
    await link_for(ada, Use.CHANGE_EMAIL, new_email="new@example.com")
    await service.sql(
        "INSERT INTO pending_registrations (id, token_hash, email, email_norm, password_hash, created_at, expires_at)"
        " VALUES (:id, :hash, :email, :email, '', now(), now() + interval '1 day')",
        id=uuid7(),
        hash=str(ada.email).encode(),
        email=ada.email,
    )
    await let_grace_pass(service, ada)
    return ada


@pytest.fixture
def rows_of(service):
    """`await rows_of(device)`: which tables have rows of this person, by id or address."""

    async def rows_of(device):
        who = {"user_id": str(user_id(device)), "id": str(user_id(device))} | dict.fromkeys(
            ("email", "email_norm"), device.email
        )
        found = set()
        for table, column in await service.sql(ROWS_OF_PEOPLE):
            if await service.sql(f"SELECT 1 FROM {table} WHERE {column}::text = :value LIMIT 1", value=who[column]):
                found.add(table)
        return found

    return rows_of


class TestAPurge:
    async def test_leaves_nothing_of_the_account(self, sessions, lapsed, rows_of):
        """Whatever table has something of users."""
        before = await rows_of(lapsed)

        await purge_accounts(sessions)

        assert before == {*KEPT, "users", "credentials", "sessions", "one_time_tokens", "pending_registrations"}
        assert await rows_of(lapsed) == KEPT

    async def test_strips_what_was_written_down(self, service, sessions, lapsed):
        """That it happened is kept; from where, by which browser and in what words, is not."""
        await service.sql(
            "UPDATE audit_events SET ip = '192.0.2.7', user_agent = 'Firefox', detail = '{\"a\": 1}'"
            " WHERE user_id = :id",
            id=user_id(lapsed),
        )

        await purge_accounts(sessions)

        rows = await service.sql(
            "SELECT type, actor, ip, user_agent, detail FROM audit_events WHERE user_id = :id ORDER BY type",
            id=user_id(lapsed),
        )
        assert [row[:2] for row in rows] == [
            ("deletion_asked", "client"),
            ("purged", "worker"),
            ("registered", "client"),
            ("session_ended", "client"),
        ]
        assert {(ip, user_agent, str(detail)) for *_, ip, user_agent, detail in rows} == {(None, None, "{}")}

    async def test_is_told_to_every_service(self, service, sessions, lapsed):
        """Once, by the same commit."""
        await purge_accounts(sessions)
        await purge_accounts(sessions)

        assert await service.sql(
            "SELECT stream, payload - 'context' FROM outbox WHERE user_id = :id AND type = 'user.deleted'",
            id=str(user_id(lapsed)),
        ) == [("auth:events", {"user_id": str(user_id(lapsed))})]

    async def test_sets_the_address_free(self, client, sessions, lapsed):
        """Whoever registers with it begins anew."""
        await purge_accounts(sessions)
        anew = Device(client)

        answer = await anew.post("/auth/register", {"email": lapsed.email, "password": PASSWORD})

        assert answer.status_code == 201
        assert user_id(anew) != user_id(lapsed)

    @pytest.mark.parametrize("status", ["active", "disabled"])
    async def test_takes_nobody_else(self, service, sessions, ada, status):
        """Whatever the date says."""
        await service.sql(
            "UPDATE users SET status = :status, purge_after = now() WHERE id = :id", status=status, id=user_id(ada)
        )

        await purge_accounts(sessions)

        assert await status_of(service, ada) == status

    async def test_waits_for_the_last_day(self, service, sessions, ada):
        """Until then the account can be restored."""
        await delete(ada)

        await purge_accounts(sessions)

        assert await status_of(service, ada) == "deleting"

    async def test_takes_all_that_are_due(self, service, sessions):
        """In one round, the longest due first, by two workers as by one."""
        people = [await service.register() for _ in range(6)]
        for person in people:
            await delete(person)
            await let_grace_pass(service, person)

        purged = await asyncio.gather(*(purge_accounts(sessions) for _ in range(2)))

        assert sum(purged) >= 6
        assert [await status_of(service, person) for person in people] == [None] * 6


class TestAPurgeThatMeetsSomebody:
    async def test_leaves_alone_whom_another_has_hold_of(self, service, sessions, lapsed):
        """It neither waits nor fails, and comes again."""
        async with service.app.state.database.engine.begin() as other:
            await other.execute(text("SELECT FROM users WHERE id = :id FOR NO KEY UPDATE"), {"id": user_id(lapsed)})

            await purge_accounts(sessions)
            assert await status_of(service, lapsed) == "deleting"
        await purge_accounts(sessions)
        assert await status_of(service, lapsed) is None

    async def test_strips_what_a_refused_login_writes_meanwhile(self, service, sessions, lapsed):
        """It waits for that, so that no address of a client is left behind."""
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with transaction(sessions) as refused:
            await count_failure(refused, user_id(lapsed))
            purging = asyncio.create_task(purge_accounts(sessions))
            await until(lambda: service.sql(waiting))
            audit = AuditLog(refused, Source(Actor.CLIENT, "192.0.2.7", "Firefox"))
            await audit.record(Audited.LOGIN_FAILED, user_id(lapsed))

        await purging

        assert await service.sql(
            "SELECT ip, user_agent FROM audit_events WHERE user_id = :id AND type = 'login_failed'", id=user_id(lapsed)
        ) == [(None, None)]
