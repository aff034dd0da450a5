"""Events are recorded with their commit, taken by one worker at a time, and end once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from shared.database import transaction
from shared.logging import request_context
from shared.outbox import Event, Outcome, State, claim, record, settle

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def take(sessions, table):
    """`await take(event_id)`: claim an event of Ada's, in a transaction of its own."""

    async def take(event_id, now=None, user_id="ada"):
        async with transaction(sessions) as session:
            return await claim(session, table, user_id=user_id, event_id=event_id, now=now or datetime.now(UTC))

    return take


@pytest.fixture
def end(sessions, table):
    """`await end(claimed, outcome)`: settle, in a transaction of its own."""

    async def end(claimed, outcome):
        async with transaction(sessions) as session:
            return await settle(session, table, claimed, outcome, datetime.now(UTC))

    return end


class TestRecording:
    async def test_a_rollback_takes_the_event_back(self, sessions, table, sql):
        """What was not committed was never announced."""
        with pytest.raises(RuntimeError):
            async with transaction(sessions) as session:
                await session.exec(record(table, Event("ada", "s", "t", {}), datetime.now(UTC)))
                raise RuntimeError

        assert await sql.fetchval("SELECT count(*) FROM outbox") == 0

    async def test_keeps_which_request_it_came_from(self, happens, take):
        """Whoever takes the event goes on under the id and the trace of the request that made it."""
        request_context("request-of-ada", TRACE)
        event_id = await happens()
        request_context(None, None)

        claimed = await take(event_id)

        assert (claimed.request_id, claimed.traceparent) == ("request-of-ada", TRACE)

    async def test_gives_the_payload_back_as_it_came(self, happens, take):
        """The context that is stored with a payload is no part of it."""
        claimed = await take(await happens(title="Müll 🗑", count=2))

        assert (claimed.type, claimed.payload) == ("thing.made", {"title": "Müll 🗑", "count": 2})


class TestClaiming:
    async def test_ten_at_once_get_it_once(self, happens, take, relay):
        """Of workers that read the same entry, one does the work."""
        event_id = await happens()
        await relay.relay_due()

        claims = await asyncio.gather(*(take(event_id) for _ in range(10)))

        assert len([claimed for claimed in claims if claimed]) == 1

    async def test_before_the_relay_has_committed(self, happens, take):
        """An entry may be read before its row says `queued`: it is due, so it can be had."""
        assert (await take(await happens())).attempts == 1

    async def test_not_before_the_next_try(self, happens, take, end):
        """A second entry of an event does not shorten the pause after a failure."""
        event_id = await happens()
        later = datetime.now(UTC) + timedelta(hours=1)
        await end(await take(event_id), Outcome(State.WAITING, "busy", try_again_at=later))

        assert await take(event_id) is None
        assert (await take(event_id, later)).attempts == 2

    async def test_again_after_its_worker_died(self, happens, take):
        """A claim holds for sixty seconds."""
        event_id = await happens()
        await take(event_id)

        assert await take(event_id, datetime.now(UTC) + timedelta(seconds=59)) is None
        assert (await take(event_id, datetime.now(UTC) + timedelta(seconds=61))).attempts == 2

    @pytest.mark.parametrize("state", [State.DONE, State.SKIPPED, State.DEAD])
    async def test_never_again_after_its_end(self, happens, take, end, state):
        """What has ended stays so, however often its entry comes."""
        event_id = await happens()
        await end(await take(event_id), Outcome(state))

        assert await take(event_id, datetime.now(UTC) + timedelta(days=1)) is None

    async def test_not_under_another_name(self, happens, take):
        """An entry that names the wrong user finds nothing."""
        assert await take(await happens("ada"), user_id="grace") is None
        assert await take(uuid4()) is None


class TestSettling:
    async def test_a_claim_that_ran_out_changes_nothing(self, happens, take, end, sql):
        """A worker that was too slow cannot overwrite what its successor did."""
        event_id = await happens()
        slow = await take(event_id)
        quick = await take(event_id, datetime.now(UTC) + timedelta(seconds=61))
        assert await end(quick, Outcome(State.DONE))

        assert not await end(slow, Outcome(State.DEAD, "too late"))
        assert await sql.fetchval("SELECT state FROM outbox") == "done"
