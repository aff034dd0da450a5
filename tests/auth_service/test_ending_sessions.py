"""The one way in which sessions end: stored, written down, and told to every service, in one transaction."""

import time
from uuid import UUID

import pytest

from auth_service.audit import Actor, AuditLog, Source
from auth_service.sessions import EndReason, SessionEnder
from shared.database import transaction
from tests.auth_service.running import Device


@pytest.fixture
def end(service):
    """`await end(device, why, only=…)`: end sessions of a person, in a transaction of its own; how many were open."""

    async def end(device, why, **which):
        which = {name: UUID(of.answer["session_id"]) for name, of in which.items()}
        async with transaction(service.app.state.database.sessions) as database:
            ender = SessionEnder(database, AuditLog(database, Source(Actor.CLIENT)))
            return await ender.end(UUID(device.answer["user"]["id"]), why, **which)

    return end


@pytest.fixture
def written(service):
    """`await written(device)`: what was written down about the end of this person's sessions, and about which."""

    async def written(device):
        return await service.sql(
            "SELECT type, detail ->> 'reason', session_id::text FROM audit_events"
            " WHERE user_id = :id AND detail ? 'reason' ORDER BY id",
            id=device.answer["user"]["id"],
        )

    return written


@pytest.fixture
async def devices(ada, service):
    """Three devices of one person."""
    others = [Device(service.client), Device(service.client, "body")]
    for device in others:
        await device.login(ada.email)
    return [ada, *others]


class TestEndingOneSession:
    async def test_ends_that_one_alone(self, devices, end):
        """The others go on."""
        assert await end(devices[0], EndReason.REVOKED, only=devices[1]) == 1

        assert [await device.is_signed_in() for device in devices] == [True, False, True]

    async def test_is_told(self, devices, end, revoked):
        """Every service learns the session, for as long as a token of it can live."""
        await end(devices[0], EndReason.REVOKED, only=devices[1])

        [told] = await revoked(devices[0])
        assert told == {"kind": "sid", "id": devices[1].answer["session_id"], "exp": told["exp"]}
        assert told["exp"] == pytest.approx(time.time() + 960, abs=10)

    @pytest.mark.parametrize(
        ("why", "event"),
        [
            (EndReason.LOGOUT, "logout"),
            (EndReason.REFRESH_REUSE, "refresh_reuse"),
            *((why, "session_ended") for why in (EndReason.REVOKED, EndReason.LIMIT, EndReason.PASSWORD_CHANGED)),
        ],
    )
    async def test_is_written_down(self, ada, end, written, why, event):
        """What happened, why, and to which session."""
        await end(ada, why, only=ada)

        assert await written(ada) == [(event, why.value, ada.answer["session_id"])]

    async def test_twice_is_once(self, ada, end, written, revoked):
        """A session that has ended does not end again."""
        await end(ada, EndReason.LOGOUT, only=ada)

        assert await end(ada, EndReason.REVOKED, only=ada) == 0
        assert (len(await written(ada)), len(await revoked(ada))) == (1, 1)

    async def test_of_somebody_else_ends_nothing(self, ada, app_of_ada, end, revoked):
        """The session must be the user's."""
        assert await end(ada, EndReason.REVOKED, only=app_of_ada) == 0

        assert await app_of_ada.is_signed_in()
        assert await revoked(ada) == []


class TestEndingAllButOne:
    async def test_keeps_that_one(self, devices, end, revoked):
        """Its access token stays valid everywhere: the others are told one by one, and the version stays."""
        assert await end(devices[0], EndReason.PASSWORD_CHANGED, but=devices[1]) == 2

        assert [await device.is_signed_in() for device in devices] == [False, True, False]
        told = {(one["kind"], one["id"]) for one in await revoked(devices[0])}
        assert told == {("sid", devices[place].answer["session_id"]) for place in (0, 2)}


class TestEndingAll:
    async def test_ends_all(self, devices, end, written, app_of_ada):
        """Nothing that was given to this person opens anything, and nobody else's is touched."""
        assert await end(devices[0], EndReason.PASSWORD_RESET) == 3

        assert [await device.is_signed_in() for device in (*devices, app_of_ada)] == [False, False, False, True]
        assert {row[2] for row in await written(devices[0])} == {device.answer["session_id"] for device in devices}

    async def test_is_told_once(self, devices, end, revoked):
        """Every service learns the version that tokens must have from now on."""
        await end(devices[0], EndReason.DELETION)

        [told] = await revoked(devices[0])
        assert told == {"kind": "user", "id": devices[0].answer["user"]["id"], "ver": 1, "exp": told["exp"]}

    async def test_ends_tokens_without_sessions(self, ada, end, revoked):
        """Also when no session is open, for there may be access tokens."""
        await end(ada, EndReason.LOGOUT, only=ada)

        assert await end(ada, EndReason.LOGOUT_ALL) == 0
        assert [one["kind"] for one in await revoked(ada)] == ["sid", "user"]
