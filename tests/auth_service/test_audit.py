"""What matters to the safety of an account is written down, refusals too."""

import pytest

from tests.auth_service.running import Device, new_address

AGENT = {"User-Agent": "Firefox\x7f on Linux " + "x" * 600, "X-Request-Id": "request-of-ada"}


@pytest.fixture
def written(service):
    """`await written(device)`: type and outcome of what was written down about a person, oldest first."""

    async def written(device):
        rows = await service.sql(
            "SELECT type, outcome FROM audit_events WHERE user_id = :id ORDER BY id", id=device.answer["user"]["id"]
        )
        return [tuple(row) for row in rows]

    return written


class TestTheAuditLog:
    async def test_a_visit(self, ada, written):
        """Registering, logging in and logging out are written down."""
        await ada.login(ada.email)
        await ada.send_token("/auth/logout", ada.refresh_token)

        assert await written(ada) == [("registered", "success"), ("login", "success"), ("logout", "success")]

    async def test_refused_login_is_recorded(self, ada, stranger, written):
        """A wrong password is answered with 401, and written down all the same."""
        answer = await stranger.login(ada.email, password="a wrong password")

        assert answer.status_code == 401
        assert await written(ada) == [("registered", "success"), ("login_failed", "failure")]

    async def test_an_address_of_nobody(self, service, stranger):
        """The guess is written down, and what was typed is not."""
        email = new_address()

        await stranger.login(email)

        newest = await service.sql(
            "SELECT user_id, type, audit_events::text FROM audit_events ORDER BY id DESC LIMIT 1"
        )
        [(user_id, what, row)] = newest
        assert (user_id, what) == (None, "login_failed")
        assert email not in row

    async def test_reuse_is_recorded_although_401(self, app_of_ada, later, written):
        """A refresh token that comes back too late ends the session, and that stays."""
        old = app_of_ada.refresh_token
        await later(app_of_ada, 60)
        await app_of_ada.refresh()
        await later(app_of_ada, 60)

        answer = await app_of_ada.present(old)

        assert answer.status_code == 401
        assert await written(app_of_ada) == [("registered", "success"), ("refresh_reuse", "failure")]

    async def test_nothing_ended_nothing_written(self, ada, written):
        """A second logout finds nothing open."""
        for _ in range(2):
            await ada.send_token("/auth/logout", ada.refresh_token)

        assert [what for what, _ in await written(ada)] == ["registered", "logout"]

    async def test_a_taken_address_writes_nothing(self, ada, client, written):
        """What was rolled back has not happened."""
        answer = await Device(client).post("/auth/register", {"email": ada.email, "password": "correct horse battery"})

        assert answer.status_code == 409
        assert len(await written(ada)) == 1

    async def test_says_from_where(self, service, ada):
        """Address, device and request stand beside it, the device cut at 512 characters."""
        body = {"email": ada.email, "password": "a wrong password"}

        await service.client.post("/auth/login", json=body, headers=AGENT)

        [(actor, ip, agent, session_id)] = await service.sql(
            "SELECT actor, host(ip), user_agent, session_id FROM audit_events ORDER BY id DESC LIMIT 1"
        )
        assert (actor, ip, session_id) == ("client", "127.0.0.1", None)
        assert agent == AGENT["User-Agent"][:512]

    async def test_names_the_request(self, service, ada):
        """The line in the log and the row can be laid side by side."""
        answer = await ada.login(ada.email)

        [(request_id,)] = await service.sql("SELECT request_id FROM audit_events ORDER BY id DESC LIMIT 1")
        assert request_id == answer.headers["x-request-id"]

    async def test_names_the_session(self, service, ada):
        """A login's row names the session that it opened."""
        await ada.login(ada.email)

        [(session_id,)] = await service.sql("SELECT session_id FROM audit_events ORDER BY id DESC LIMIT 1")
        assert str(session_id) == ada.answer["session_id"]
