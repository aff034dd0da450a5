"""A stream ends with its token and with its process, and says what to do then."""

import signal
import time

import pytest

from shared.tokens import InvalidToken
from tests.todo_service.ended import bearer, end, new_session
from tests.todo_service.harness import assert_problem
from tests.waiting import until


class TestTheTokensEnd:
    async def test_asks_for_a_new_one(self, service, ada):
        """`reauth` is the last event, when the token expires."""
        soon = ada.may(exp=int(time.time()) + 2)
        async with service.listening(ada, **soon) as stream:
            assert (await stream.next()).seq == 0

            last = await stream.next()

            assert (last.event, last.data) == ("reauth", "{}")
            assert await stream.next() is None

    async def test_a_ticket_ends_with_its_token(self, service, ada):
        """Who opened the stream by a ticket is known no longer than the token that bought it."""
        soon = ada.may(exp=int(time.time()) + 2)
        ticket = (await service.client.post("/events/ticket", headers=soon)).json()["ticket"]

        async with service.listening(ada, f"?ticket={ticket}") as stream:
            assert (await stream.next()).seq == 0
            assert (await stream.next()).event == "reauth"

    async def test_the_accounts_end(self, new_service, new_valkey, ada, sql):
        """The next look at the counters ends the streams of an account that is gone."""
        valkey = new_valkey()
        service = await new_service(valkey.url)
        seq = await ada.writes(service)
        async with service.listening(ada) as stream:
            await stream.hears(seq)
            await sql.execute("UPDATE user_streams SET purged_at = now() WHERE user_id = $1", ada.id)
            # Without Redis it looks at once.
            valkey.kill()

            assert (await stream.next(6)).event == "reauth"


@pytest.mark.needs_redis("sessions end by an entry in a stream")
class TestTheSessionsEnd:
    @pytest.mark.parametrize("by", ["token", "ticket"])
    async def test_asks_for_a_new_login_within_a_second(self, service, valkey, ada, by):
        """The stream of a session that is ended ends with `reauth`, also one that a ticket opened; others go on."""
        session = new_session()
        ended, other = bearer(session), bearer(session, sid="another")
        ticket = (await service.client.post("/events/ticket", headers=ended)).json()["ticket"]
        opened = {"query": f"?ticket={ticket}"} if by == "ticket" else ended
        async with service.listening(ada, **opened) as stream, service.listening(ada, **other) as going_on:
            await stream.next()
            await going_on.next()
            await end(valkey.url, kind="sid", id=session["sid"])

            assert (await stream.next(1)).event == "reauth"
            assert await stream.next() is None
            with pytest.raises(TimeoutError):
                await going_on.next(0.2)

    async def test_of_all_a_users_sessions(self, service, valkey, ada):
        """A stream by a token of a lower version ends, a newer one goes on."""
        session = new_session()
        async with (
            service.listening(ada, **bearer(session)) as old,
            service.listening(ada, **bearer(session, ver=2)) as new,
        ):
            await old.next()
            await new.next()
            await end(valkey.url, kind="user", id=session["sub"], ver=2)

            assert (await old.next(1)).event == "reauth"
            with pytest.raises(TimeoutError):
                await new.next(0.2)

    async def test_ends_its_tickets_too(self, service, valkey):
        """A ticket that was bought before opens nothing after."""
        session = new_session()
        ticket = (await service.client.post("/events/ticket", headers=bearer(session))).json()["ticket"]
        await end(valkey.url, kind="sid", id=session["sid"])
        await until(lambda: _refused(service, bearer(session)))

        assert_problem(await service.client.get(f"/events?ticket={ticket}"), InvalidToken)


async def _refused(service, headers):
    return (await service.client.get("/todos", headers=headers)).status_code == 401


class TestAShutdown:
    async def test_sends_the_clients_away(self, new_service, ada, grace):
        """On SIGTERM every stream ends with a time to come back, and so does the process, within four seconds."""
        service = await new_service()
        async with service.listening(ada) as one, service.listening(grace) as other:
            await one.next()
            await other.next()
            service.process.send_signal(signal.SIGTERM)

            for stream in (one, other):
                last = await stream.next()
                assert 1000 <= int(last.retry) <= 5000
                assert last.event is None
                assert await stream.next() is None

        assert await service.stop() < 4
        assert service.process.returncode in {0, -signal.SIGTERM}
