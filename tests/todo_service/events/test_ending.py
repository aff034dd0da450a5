"""A stream ends with its token and with its process, and says what to do then."""

import signal
import time


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
