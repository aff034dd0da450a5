"""What other services read is sent with its payload, and sent again when Redis has lost its memory."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.database import transaction
from shared.outbox import Broadcast, Broadcasts, Event, Relay, record
from shared.redis import RedisClient
from tests.waiting import until

NEWS = Broadcast("s:news", kept=timedelta(hours=1), repeated=timedelta(seconds=960))
DEATHS = Broadcast("s:deaths", kept=timedelta(days=7), repeated=timedelta(days=7))
BROADCASTS = Broadcasts("s", NEWS, DEATHS)

LET_TIME_PASS = "UPDATE outbox SET done_at = done_at - $1::interval"


@pytest.fixture
def relay(sessions, redis, table):
    """A relay that was told which streams are broadcast, taken step by step."""
    return Relay(sessions, redis, table, BROADCASTS)


@pytest.fixture
def tells(sessions, table):
    """`await tells("s:news", n=1)`: record an event of Ada's for a stream."""

    async def tells(stream, **payload):
        async with transaction(sessions) as session:
            await session.exec(record(table, Event("ada", stream, "told", payload), datetime.now(UTC)))

    return tells


@pytest.fixture
def told(redis):
    """`await told("s:news")`: the payloads in a stream, oldest first."""

    async def told(stream):
        entries = await redis.run(lambda client: client.xrange(stream))
        return [json.loads(fields[b"payload"]) for _, fields in entries]

    return told


class TestBroadcasting:
    async def test_the_entry_holds_the_payload(self, tells, relay, redis, sql):
        """A reader of another service needs no row; which request it came from is not its business."""
        await tells("s:news", kind="sid", id="1", exp=7)

        await relay.relay_due()

        [(_, fields)] = await redis.run(lambda client: client.xrange("s:news"))
        event_id = await sql.fetchval("SELECT event_id FROM outbox")
        assert (fields[b"event_id"], fields[b"user_id"], fields[b"type"]) == (str(event_id).encode(), b"ada", b"told")
        assert json.loads(fields[b"payload"]) == {"kind": "sid", "id": "1", "exp": 7}

    async def test_is_done_when_it_is_sent(self, tells, relay, sql):
        """Nobody claims it."""
        await tells("s:news")

        await relay.relay_due()

        state, age = await sql.fetchrow("SELECT state, now() - done_at FROM outbox")
        assert state == "done"
        assert age < timedelta(seconds=30)
        assert await relay.relay_due() == 0

    async def test_work_beside_it_goes_as_ever(self, happens, tells, relay, entries, told, sql):
        """One relay serves both kinds of stream."""
        await happens("ada", email="ada@example.com")
        await tells("s:news", n=1)

        await relay.relay_due()

        assert [set(entry) for entry in await entries()] == [{b"event_id", b"user_id", b"type"}]
        assert await told("s:news") == [{"n": 1}]
        states = await sql.fetch("SELECT stream, state, done_at IS NULL FROM outbox ORDER BY stream")
        assert [tuple(row) for row in states] == [("s:events", "queued", True), ("s:news", "done", False)]

    async def test_what_is_too_old_is_trimmed(self, relay, tells, redis):
        """By age, however many there are: a burst does not push out what is young."""
        an_hour_ago = int(datetime.now(UTC).timestamp() - 3601) * 1000
        for number in range(300):
            entry_id = f"{an_hour_ago}-{number + 1}"
            await redis.run(lambda client, entry_id=entry_id: client.xadd("s:news", {"n": "1"}, id=entry_id))
        for number in range(150):
            await tells("s:news", n=number)

        while await relay.relay_due():
            pass

        left = await redis.run(lambda client: client.xrange("s:news"))
        young = [fields for _, fields in left if b"payload" in fields]
        # Redis trims whole nodes of its stream, of a hundred entries each.
        assert len(young) == 150
        assert len(left) - len(young) < 100


class TestALostMemory:
    async def test_is_told_again(self, tells, relay, redis, told):
        """After FLUSHALL every broadcast of its window comes again, the oldest first, and then what is new."""
        for number in range(3):
            await tells("s:news", n=number)
            await relay.relay_due()
        await tells("s:deaths", n=7)
        await relay.relay_due()
        await redis.run(lambda client: client.flushall())
        await tells("s:news", n=3)

        await relay.relay_due()

        assert await told("s:news") == [{"n": 0}, {"n": 1}, {"n": 2}, {"n": 3}]
        assert await told("s:deaths") == [{"n": 7}]

    async def test_is_told_once(self, tells, relay, redis, told):
        """A key without expiry says that Redis knows."""
        await relay.relay_due()
        await tells("s:news", n=1)

        await relay.relay_due()
        await relay.relay_due()

        assert await told("s:news") == [{"n": 1}]
        assert await redis.run(lambda client: client.ttl("outbox:s")) == -1

    async def test_each_window_is_its_own(self, tells, relay, redis, told, sql):
        """What a reader cannot need any more is not told again."""
        await tells("s:news", n=1)
        await tells("s:deaths", n=2)
        await relay.relay_due()
        await sql.execute(LET_TIME_PASS, timedelta(seconds=961))
        await redis.run(lambda client: client.flushall())

        await relay.relay_due()

        assert (await told("s:news"), await told("s:deaths")) == ([], [{"n": 2}])

    async def test_work_is_not_told_again(self, happens, relay, redis, entries, sql):
        """Its rows are due again by themselves."""
        await happens()
        await relay.relay_due()
        await sql.execute("UPDATE outbox SET state = 'done', done_at = now()")
        await redis.run(lambda client: client.flushall())

        await relay.relay_due()

        assert await entries() == []

    async def test_more_than_fits_one_trip(self, relay, redis, told, sql):
        """A mass logout is told again whole."""
        await sql.execute(
            "INSERT INTO outbox (user_id, event_id, stream, type, payload, created_at, state, next_at, done_at)"
            " SELECT '', gen_random_uuid(), 's:news', 'told', jsonb_build_object('n', n), now(), 'done', now(),"
            " now() - (interval '1 ms' * (2000 - n)) FROM generate_series(1, 1234) AS n"
        )

        await relay.relay_due()

        assert [payload["n"] for payload in await told("s:news")] == list(range(1, 1235))

    async def test_who_dies_while_telling_begins_anew(self, tells, relay, redis, told):
        """The key is set last: without it, what was told may not be all."""
        for number in range(3):
            await tells("s:news", n=number)
            await relay.relay_due()
        await redis.run(lambda client: client.delete("outbox:s"))

        await relay.relay_due()

        assert await told("s:news") == [{"n": 0}, {"n": 1}, {"n": 2}] * 2

    async def test_a_restarted_redis(self, tells, sessions, table, new_valkey):
        """The relay notices by itself."""
        valkey, stop = new_valkey(), asyncio.Event()
        async with RedisClient.open(valkey.url) as redis, asyncio.TaskGroup() as tasks:
            tasks.create_task(Relay(sessions, redis, table, BROADCASTS).run(stop, lambda: None))
            await tells("s:news", n=1)
            await until(lambda: "payload" in valkey.ask("XRANGE s:news - +"))
            valkey.stop()
            valkey.start()

            await until(lambda: "payload" in valkey.ask("XRANGE s:news - +"))
            stop.set()


class TestACrash:
    async def test_between_the_sending_and_the_commit(self, tells, relay, told, sql):
        """The event is sent again: readers may get it twice, never not at all."""
        await relay.relay_due()
        await tells("s:news", n=1)
        # A commit that fails, as the server sees one whose worker died: the row is as it was.
        await sql.execute(
            "CREATE FUNCTION die() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'died'; END $$ LANGUAGE plpgsql"
        )
        await sql.execute(
            "CREATE CONSTRAINT TRIGGER dies AFTER UPDATE ON outbox DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION die()"
        )
        with pytest.raises(Exception, match="died"):
            await relay.relay_due()
        assert await told("s:news") == [{"n": 1}]
        await sql.execute("DROP TRIGGER dies ON outbox")

        await relay.relay_due()

        assert await told("s:news") == [{"n": 1}, {"n": 1}]
        assert await sql.fetchval("SELECT state FROM outbox") == "done"
