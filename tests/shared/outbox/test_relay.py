"""Due events are announced, each once, as soon as Redis can be reached."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event

from shared.database import transaction
from shared.outbox import Relay, claim, sweep
from shared.redis import RedisClient, RedisUnavailable
from tests.waiting import until

LET_IT_BE_DUE = "UPDATE outbox SET next_at = now() - interval '1 second'"


class TestRelaying:
    async def test_names_the_event_and_nothing_else(self, happens, relay, entries):
        """No payload enters a stream: it can hold an address."""
        event_id = await happens("ada", email="ada@example.com")

        await relay.relay_due()

        assert await entries() == [{b"event_id": str(event_id).encode(), b"user_id": b"ada", b"type": b"thing.made"}]

    async def test_once_only(self, happens, relay, entries):
        """An event that was announced is left alone for five minutes."""
        await happens()

        assert [await relay.relay_due(), await relay.relay_due()] == [1, 0]
        assert len(await entries()) == 1

    async def test_again_when_nobody_took_it(self, happens, relay, entries, sql):
        """An entry that was lost, with Redis or with its reader, is sent again when the row is due."""
        await happens()
        await relay.relay_due()
        due_in = await sql.fetchval("SELECT next_at - now() FROM outbox")
        await sql.execute(LET_IT_BE_DUE)

        await relay.relay_due()

        assert timedelta(minutes=4, seconds=50) < due_in <= timedelta(minutes=5)
        assert len(await entries()) == 2

    async def test_again_when_its_worker_died(self, happens, relay, entries, sessions, table, sql):
        """A claim that ran out is announced like any other due event."""
        event_id = await happens()
        async with transaction(sessions) as session:
            await claim(session, table, user_id="ada", event_id=event_id, now=datetime.now(UTC))
        await sql.execute(LET_IT_BE_DUE)

        await relay.relay_due()

        assert len(await entries()) == 1

    async def test_a_hundred_at_a_time(self, happens, relay, entries):
        """A backlog is worked off in batches, the oldest first."""
        ids = [str(await happens()).encode() for _ in range(105)]

        assert [await relay.relay_due(), await relay.relay_due()] == [100, 5]
        assert {entry[b"event_id"] for entry in (await entries())[100:]} == set(ids[100:])

    async def test_two_relays_share_the_work(self, happens, sessions, redis, table, entries):
        """Two workers announce nothing twice and do not wait for each other."""
        for _ in range(50):
            await happens()

        sent = await asyncio.gather(*(Relay(sessions, redis, table).relay_due() for _ in range(4)))

        assert sum(sent) == 50
        assert len({entry[b"event_id"] for entry in await entries()}) == len(await entries()) == 50

    async def test_nothing_is_marked_that_was_not_sent(self, happens, sessions, table, sql, new_valkey):
        """While Redis is away, a row waits, and is due as before."""
        valkey = new_valkey()
        await happens()
        valkey.stop()

        async with RedisClient.open(valkey.url) as redis:
            with pytest.raises(RedisUnavailable):
                await Relay(sessions, redis, table).relay_due()

        assert await sql.fetchval("SELECT state FROM outbox WHERE next_at <= now()") == "waiting"

    async def test_goes_on_by_itself_when_redis_is_back(self, happens, sessions, table, sql, new_valkey):
        """An outage costs the time that it takes, and no restart."""
        valkey, stop, beats = new_valkey(), asyncio.Event(), []
        valkey.stop()
        async with RedisClient.open(valkey.url) as redis, asyncio.TaskGroup() as tasks:
            tasks.create_task(Relay(sessions, redis, table).run(stop, lambda: beats.append(None)))
            await happens()
            await until(lambda: len(beats) > 5 and not redis.is_up)
            valkey.start()

            await until(lambda: sql.fetchval("SELECT count(*) = 1 FROM outbox WHERE state = 'queued'"))
            stop.set()

    async def test_uses_the_index_of_due_rows(self, relay, sessions, sql):
        """What has ended costs the relay nothing: it is not in the index, which also a generic plan uses."""
        statements = []

        @event.listens_for(sessions.kw["bind"].sync_engine, "before_cursor_execute")
        def listen(_, __, statement, parameters, ___, ____):
            statements.append((statement, ", ".join(["NULL"] * len(parameters))))

        await relay.relay_due()
        [(statement, arguments)] = statements
        await sql.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        await sql.execute(f"PREPARE due AS {statement}")
        plan = await sql.fetch(f"EXPLAIN EXECUTE due({arguments})")

        assert any("Index Scan using outbox_due" in line[0] for line in plan)


class TestSweeping:
    async def test_deletes_what_ended_long_ago(self, happens, sessions, table, sql):
        """A week for what was done or skipped, thirty days for the dead; what is open stays however old."""
        for state, days in [("done", 8), ("done", 6), ("skipped", 8), ("dead", 8), ("dead", 31), ("waiting", 40)]:
            event_id = await happens()
            age = "UPDATE outbox SET state = $1, done_at = now() - $2::interval WHERE event_id = $3"
            await sql.execute(age, state, timedelta(days=days), event_id)

        assert await sweep(sessions, table) == 3
        left = await sql.fetch("SELECT state FROM outbox")
        assert sorted(row["state"] for row in left) == ["dead", "done", "waiting"]
