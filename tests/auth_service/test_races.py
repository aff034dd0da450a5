"""Sessions that end while they are being renewed, with real commits: whatever comes first, nothing survives."""

import asyncio
import random
from uuid import UUID

import pytest
from sqlalchemy import event

from auth_service.audit import Actor, AuditLog, Source
from auth_service.sessions import EndReason, SessionEnder
from shared.database import transaction
from shared.tokens import Principal, Revocation, Revocations
from tests.auth_service.minted import sign_in
from tests.auth_service.running import Device, token_in
from tests.proofs import rounds

INTERLEAVINGS, AT_ONCE = rounds(500), 10


async def log_out(service, victim, _):
    """The device itself logs out."""
    return await victim.send_token("/auth/logout", victim.refresh_token)


async def take_off_the_list(service, victim, other):
    """Another device ends it."""
    return await service.client.delete(f"/auth/sessions/{victim.answer['session_id']}", headers=other.bearer)


async def log_out_everywhere(service, _, other):
    """All sessions of the person end."""
    return await service.client.post("/auth/logout-all", headers=other.bearer)


async def log_out_elsewhere(service, _, other):
    """All but another one end."""
    return await service.client.post("/auth/logout-all", json={"keep_current": True}, headers=other.bearer)


async def reset(service, _, other):
    """Somebody resets the password."""
    async with transaction(service.app.state.database.sessions) as database:
        ender = SessionEnder(database, AuditLog(database, Source(Actor.CLIENT)))
        await ender.end(UUID(other.answer["user"]["id"]), EndReason.PASSWORD_RESET)


async def disable(service, _, other):
    """An operator disables the account, which ends its sessions by itself."""
    await service.sql("UPDATE users SET status = 'disabled' WHERE id = :id", id=other.answer["user"]["id"])


ENDS = (log_out, take_off_the_list, log_out_everywhere, log_out_elsewhere, reset, disable)


async def somewhen(chance, doing):
    """Do it a few turns of the event loop from now."""
    for _ in range(chance.randrange(60)):
        await asyncio.sleep(0)
    return await doing


class Race:
    """Two replicas; a session that two tabs renew while something ends it."""

    def __init__(self, service, replica, seed):
        self._service, self._replica = service, replica
        self._chance = random.Random(seed)

    async def run(self, person, end):
        """Return what is still alive of the victim's, when all is over."""
        await self._service.sql("UPDATE users SET status = 'active' WHERE id = :id", id=person.answer["user"]["id"])
        victim, other = [await sign_in(self._service, person) for _ in range(2)]
        await other.refresh()
        tabs = victim, Device(self._replica.client, refresh_token=victim.refresh_token)
        *answers, _ = await asyncio.gather(
            *(somewhen(self._chance, tab.present()) for tab in tabs),
            somewhen(self._chance, end(self._service, victim, other)),
        )
        assert {answer.status_code for answer in answers} <= {200, 401}
        return await self._survivors(person, [answer for answer in answers if answer.is_success], end)

    async def _survivors(self, person, granted, end):
        """Tokens that open something: here, or at a service that has heard all that was told."""
        ended = Revocations()
        for (told,) in await self._service.sql(
            "SELECT payload - 'context' FROM outbox WHERE stream = 'auth:revocations' AND user_id = :id",
            id=person.answer["user"]["id"],
        ):
            ended.add(Revocation(told["kind"], told["id"], told["exp"], told.get("ver", 0)))
        alive = []
        for answer in granted:
            device = Device(self._service.client, refresh_token=token_in(answer), answer=answer.json())
            if (await device.present()).is_success:
                alive.append("refresh token")
            if await device.is_signed_in():
                alive.append("access token, here")
            # Nothing is told of a disabled account: its access tokens end by themselves.
            if end is not disable and principal(device) not in ended:
                alive.append("access token, elsewhere")
        return alive


def principal(device):
    """Whom the device's access token names."""
    return Principal(device.claims["sub"], None, sid=device.claims["sid"], ver=device.claims["ver"], own=True)


@pytest.fixture
async def people(service):
    """As many as race at once."""
    return [await service.register() for _ in range(AT_ONCE)]


@pytest.fixture
async def unlocked(new_service, service):
    """The service as it would be without its locks: PostgreSQL never sees a word of them."""
    variant = await new_service(service.settings.database_url)

    def without_lock(connection, cursor, statement, parameters, *_):
        return statement.replace(" FOR NO KEY UPDATE OF sessions", "").replace(" FOR NO KEY UPDATE", ""), parameters

    event.listen(variant.app.state.database.engine.sync_engine, "before_cursor_execute", without_lock, retval=True)
    return variant


class TestARefreshWhileTheSessionEnds:
    async def test_leaves_nothing_alive(self, service, replica, people):
        """However they interleave, no token opens anything afterwards."""
        seed = random.randrange(2**32)
        race = Race(service, replica, seed)
        for first in range(0, INTERLEAVINGS, AT_ONCE):
            end = ENDS[first // AT_ONCE % len(ENDS)]

            alive = await asyncio.gather(*(race.run(person, end) for person in people))

            assert not any(alive), f"{end.__name__}, seed {seed}: {alive}"

    async def test_would_not_without_locks(self, unlocked, people):
        """Without them a token of the next version gets out of a session that has ended, and this file can see it."""
        race = Race(unlocked, unlocked, 1)
        for _ in range(50):
            if any(await asyncio.gather(*(race.run(person, log_out_everywhere) for person in people))):
                return

        pytest.fail("no interleaving showed what the locks are for")


class TestManyEndsAtOnce:
    async def test_do_not_wait_for_each_other_for_ever(self, service, ada, later):
        """Whatever ends several sessions locks them in one order, and what holds one asks for no more."""
        chance = random.Random(1)
        for _ in range(20):
            devices = [await sign_in(service, ada) for _ in range(4)]
            stolen = devices[0].refresh_token
            for device in devices:
                await device.refresh()
            await later(devices[0], 31)
            three = {"Cookie": f"todo_rt={devices[3].refresh_token}", **devices[1].bearer}
            ends = [
                devices[0].present(stolen),
                service.client.post("/auth/logout", json={"refresh_token": devices[2].refresh_token}, headers=three),
                *(end(service, devices[1], devices[2]) for end in (log_out_everywhere, log_out_elsewhere)),
                *(take_off_the_list(service, device, devices[3]) for device in devices),
            ]

            answers = await asyncio.gather(*(somewhen(chance, end) for end in ends))

            assert {answer.status_code for answer in answers} <= {204, 401, 404}
            await ada.login(ada.email)
