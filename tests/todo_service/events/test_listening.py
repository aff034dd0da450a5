"""A device hears that something has changed, whichever process wrote it, with Redis and without."""

import asyncio

import asyncpg
import pytest
from redis.asyncio import Redis

from shared.caller import InsufficientScope
from shared.tokens import InvalidToken, MissingToken
from tests.todo_service.events.conftest import Service, started
from tests.todo_service.harness import assert_problem
from tests.waiting import until
from todo_service.changes.events.channels import channel_of
from todo_service.changes.events.errors import TooManyStreams


class TestOpeningAStream:
    @pytest.mark.parametrize("path", ["/events", "/events/"])
    async def test_needs_a_token(self, service, path):
        """Without a token and a ticket the answer is 401 and says how to authenticate."""
        response = await service.client.get(path)

        assert_problem(response, MissingToken)
        assert response.headers["WWW-Authenticate"] == "Bearer"

    async def test_needs_the_scope(self, service, ada):
        """Who may not read todos hears nothing of them."""
        response = await service.client.get("/events", headers=ada.may(scope="todos:write"))

        assert_problem(response, InsufficientScope)

    async def test_is_not_for_an_account_that_has_ended(self, service, ada, sql):
        """Its token opens nothing any more."""
        await ada.writes(service)
        await sql.execute("UPDATE user_streams SET purged_at = now() WHERE user_id = $1", ada.id)

        response = await service.client.get("/events", headers=ada.bearer)

        assert_problem(response, InvalidToken)

    async def test_nothing_on_the_way_may_keep_it(self, service, ada):
        """It says so to caches and to proxies that collect answers."""
        async with service.listening(ada) as stream:
            headers = stream.response.headers

        assert headers["Content-Type"].startswith("text/event-stream")
        assert headers["Cache-Control"] == "no-cache"
        assert headers["X-Accel-Buffering"] == "no"

    async def test_begins_with_the_newest_change(self, service, ada):
        """Who was away learns at once that there is something to pull."""
        async with service.listening(ada) as stream:
            assert (await stream.next()).seq == 0
        seq = await ada.writes(service)

        async with service.listening(ada) as stream:
            assert (await stream.next()).seq == seq

    async def test_resumes(self, service, ada):
        """Who has heard of the newest change is told of the next one only."""
        seq = await ada.writes(service)

        async with service.listening(ada, **{"Last-Event-ID": str(seq)}) as stream:
            await ada.writes(service)
            assert (await stream.next()).seq == seq + 1

    @pytest.mark.parametrize("last_event_id", ["0", "-1", "nonsense", "9" * 30, "9" * 5000, ""])
    async def test_an_id_of_no_event(self, service, ada, last_event_id):
        """An id that is not the newest one is answered with the newest."""
        seq = await ada.writes(service)

        async with service.listening(ada, **{"Last-Event-ID": last_event_id}) as stream:
            assert (await stream.next()).seq == seq


class TestHearing:
    @pytest.mark.needs_redis("a publication arrives at once")
    async def test_across_processes(self, service, other_service, ada):
        """What one process wrote is heard from another, sooner than one that looks every five seconds would find it."""
        async with other_service.listening(ada) as stream:
            await stream.next()
            seq = await ada.writes(service)

            await stream.hears(seq, seconds=2)

    @pytest.mark.needs_redis("a publication arrives at once")
    async def test_each_kind_of_write(self, service, other_service, ada):
        """A change, a deletion and a restoration are told of as a new todo is."""
        async with other_service.listening(ada) as stream:
            await stream.hears(await ada.writes(service))
            [todo] = (await service.client.get("/todos", headers=ada.bearer)).json()
            path = f"/todos/{todo['id']}"
            for method, address, body in (
                ("PATCH", path, {"completed": True}),
                ("DELETE", path, None),
                ("POST", f"{path}/restore", None),
            ):
                answer = await service.client.request(method, address, json=body, headers=ada.bearer)
                await stream.hears(int(answer.headers["X-Sync-Seq"]), seconds=2)

    async def test_nobody_elses(self, service, ada, grace):
        """A stranger's changes are not told."""
        async with service.listening(grace) as stream:
            await stream.next()
            await ada.writes(service)
            await ada.writes(service)
            await grace.writes(service)

            assert (await stream.next()).seq == 1

    async def test_holds_no_connection(self, service, ada, sql):
        """Open streams take nothing of PostgreSQL."""
        busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'todo-service' AND state <> 'idle'"
        async with service.listening(ada) as one, service.listening(ada) as other:
            await one.next()
            await other.next()

            await until(lambda: sql_is(sql, busy, 0))

    @pytest.mark.needs_redis("publishes a hundred thousand changes")
    async def test_a_slow_reader_costs_nothing(self, service, ada, redis_url):
        """Of a hundred thousand changes it is told few, the newest among them, and none of the others is kept."""
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=1024)
        head = f"GET /events HTTP/1.1\r\nHost: a\r\nAuthorization: {ada.bearer['Authorization']}\r\n\r\n"
        writer.write(head.encode())
        await reader.readuntil(b"\r\n\r\n")
        before = service.resident_kilobytes()
        newest = 100_000
        async with Redis.from_url(redis_url) as redis:
            for start in range(1, newest, 1000):
                async with redis.pipeline(transaction=False) as trip:
                    for seq in range(start, start + 1000):
                        trip.publish(channel_of(ada.id), seq)
                    await trip.execute()

        heard = 0
        async with asyncio.timeout(10):
            while f"id: {newest}\n".encode() not in await reader.readuntil(b"\n\n"):
                heard += 1
        writer.transport.abort()

        assert heard < newest / 2
        assert service.resident_kilobytes() - before < 8 * 1024


class TestWithoutRedis:
    async def test_changes_are_looked_for(self, new_service, new_valkey, ada):
        """A change is found by a look, every five seconds, while Redis is down, and heard at once when it is back."""
        valkey = new_valkey()
        one, other = await new_service(valkey.url), await new_service(valkey.url)
        async with other.listening(ada) as stream:
            await stream.hears(await ada.writes(one), seconds=2)
            valkey.kill()
            await stream.hears(await ada.writes(one), seconds=8)
            valkey.start()
            async with Redis.from_url(valkey.url) as redis:
                await until(lambda: is_heard_on(redis, channel_of(ada.id)))

            await until(lambda: hears_at_once(stream, ada, one))

    async def test_one_that_is_frozen(self, new_service, new_valkey, ada):
        """A Redis that says nothing is noticed too."""
        valkey = new_valkey()
        one, other = await new_service(valkey.url), await new_service(valkey.url)
        async with other.listening(ada) as stream:
            await stream.hears(await ada.writes(one), seconds=2)
            valkey.pause()
            try:
                await stream.hears(await ada.writes(one), seconds=8)
            finally:
                valkey.resume()

    async def test_streams_open(self, new_service, new_valkey, ada):
        """A stream that is opened while Redis is away is like any other."""
        valkey = new_valkey()
        service = await new_service(valkey.url)
        valkey.kill()

        async with service.listening(ada) as stream:
            assert (await stream.next()).seq == 0
            await stream.hears(await ada.writes(service), seconds=8)

    async def test_a_look_that_fails(self, migrated_database, new_valkey, ada):
        """It is not the last one, whatever the fault: when that is over, changes are looked for as before."""
        url, valkey = await migrated_database("todo"), new_valkey()
        admin = await asyncpg.connect(url)
        async with started(url, valkey.url, Service) as service, service.listening(ada) as stream:
            await stream.next()
            await admin.execute("ALTER TABLE user_streams RENAME TO elsewhere")
            valkey.kill()
            await until(lambda: b"events_not_looked_for" in service.said)
            await admin.execute("ALTER TABLE elsewhere RENAME TO user_streams")

            await stream.hears(await ada.writes(service), seconds=8)
        await admin.close()


class TestLimits:
    async def test_of_a_user(self, service, ada, grace):
        """The sixth stream is refused, a stranger's first is not, and a closed one makes room."""
        streams = [service.listening(ada) for _ in range(5)]
        for stream in streams:
            await stream.__aenter__()
        refused = await service.client.get("/events", headers=ada.bearer)
        async with service.listening(grace):
            pass
        await streams.pop().__aexit__(None, None, None)

        assert_problem(refused, TooManyStreams)
        assert refused.headers["Retry-After"]
        await until(lambda: opens(service, ada))
        for stream in streams:
            await stream.__aexit__(None, None, None)

    async def test_of_a_process(self, new_service, ada, grace):
        """Beyond its bound a process opens no more, whoever asks."""
        service = await new_service(SSE_PER_PROCESS="1")
        async with service.listening(ada):
            refused = await service.client.get("/events", headers=grace.bearer)

        assert_problem(refused, TooManyStreams)


async def sql_is(sql, query, value):
    """Whether a query gives one value."""
    return await sql.fetchval(query) == value


async def is_heard_on(redis, channel):
    """Whether somebody listens."""
    return bool(dict(await redis.pubsub_numsub(channel))[channel.encode()])


async def hears_at_once(stream, user, service):
    """Whether a write is heard sooner than by a look; its writer may not have found Redis again."""
    try:
        await stream.hears(await user.writes(service), seconds=2)
    except TimeoutError:
        return False
    return True


async def opens(service, user):
    """Whether a stream can be opened."""
    async with service.client.stream("GET", "/events", headers=user.bearer) as response:
        return response.status_code == 200
