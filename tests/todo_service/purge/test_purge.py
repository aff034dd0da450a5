"""An account that ends takes everything with it, whoever purges it, how often, and whatever breaks off on the way."""

import asyncio
from itertools import count
from uuid import uuid4

import asyncpg
import pytest

from tests.waiting import until
from todo_service.changes.purge import AccountPurge, owned_tables
from todo_service.todos.models import TODOS


class Killed(BaseException):
    """What a crash looks like from inside."""


def dying_at(step):
    """Return an `announce` that ends its purge with the transaction of this number."""
    steps = count(1)

    async def announce(user_id, seq):
        if next(steps) == step:
            raise Killed

    return announce


class TestPurging:
    async def test_leaves_nothing_in_any_table(self, purge, account, rows_of):
        """Every table that has rows of users is emptied, also one that a later feature adds; others keep theirs."""
        await account("ada")
        await account("grace")
        assert set((await rows_of("ada")).values()) == {3}

        removed = await purge.purge("ada")

        assert removed == 3 * len(await rows_of("ada"))
        assert set((await rows_of("ada")).values()) == {0}
        assert set((await rows_of("grace")).values()) == {3}

    async def test_leaves_a_mark(self, purge, account, sql):
        """The counter's row stays, without counts, in a new epoch: nothing begins there anew."""
        await account("ada")
        before = await sql.fetchrow("SELECT * FROM user_streams WHERE user_id = 'ada'")

        await purge.purge("ada")

        after = await sql.fetchrow("SELECT * FROM user_streams WHERE user_id = 'ada'")
        assert after["purged_at"] is not None
        assert after["epoch"] != before["epoch"]
        assert (after["seq"], after["live_count"], after["trash_count"]) == (3, 0, 0)

    async def test_of_one_who_never_wrote(self, purge, sql):
        """The mark is there even so, because their token still holds."""
        assert await purge.purge("ada") == 0

        assert await sql.fetchval("SELECT purged_at IS NOT NULL FROM user_streams WHERE user_id = 'ada'")

    async def test_twice(self, purge, account, rows_of, sql):
        """The second time nothing is left to do, and the account ended when it did."""
        await account("ada")
        await purge.purge("ada")
        ended = await sql.fetchval("SELECT purged_at FROM user_streams")

        assert await purge.purge("ada") == 0

        assert await sql.fetchval("SELECT purged_at FROM user_streams") == ended

    async def test_in_batches(self, purge, account, rows_of, told):
        """A large account goes in transactions of a thousand rows, and its pages are cleared after each."""
        await account("ada", rows=2500)

        await purge.purge("ada")

        assert set((await rows_of("ada")).values()) == {0}
        tables = len(await rows_of("ada"))
        assert told[0] == ("ada", 2500)
        assert told[1:] == [("ada", None)] * 4 * tables

    async def test_begins_an_epoch_with_each_batch(self, sessions, account, sql):
        """What was read between two batches is known for old: no number tells what went after it."""
        await account("ada", rows=2500)
        seen = set()

        async def look(user_id, seq):
            epoch = await sql.fetchval("SELECT epoch FROM user_streams WHERE user_id = $1", user_id)
            seen.add((epoch, await sql.fetchval("SELECT count(*) FROM todos WHERE user_id = $1", user_id)))

        await AccountPurge(sessions, [TODOS], look).purge("ada")

        assert {left for _, left in seen} == {2500, 1500, 500, 0}
        assert len({epoch for epoch, _ in seen}) == len(seen)

    async def test_two_at_once(self, purge, account, rows_of):
        """They share the rows, and neither fails."""
        await account("ada", rows=2500)

        removed = await asyncio.gather(purge.purge("ada"), purge.purge("ada"))

        assert sum(removed) == 2500 * len(await rows_of("ada"))
        assert set((await rows_of("ada")).values()) == {0}

    async def test_beside_one_that_breaks_off(self, sessions, purge, account, rows_of, url):
        """Who waited for rows that another purge has taken does not take that for the end: the other may die."""
        await account("ada", rows=2500)
        watcher = await asyncpg.connect(url)
        async with watcher.transaction():
            await watcher.execute("SELECT 1 FROM todos WHERE user_id = 'ada' FOR UPDATE")
            breaking = asyncio.create_task(AccountPurge(sessions, [TODOS], dying_at(step=2)).purge("ada"))
            await until(lambda: waiting(watcher, 1))
            purging = asyncio.create_task(purge.purge("ada"))
            await until(lambda: waiting(watcher, 2))
        with pytest.raises(Killed):
            await breaking
        await purging
        await watcher.close()

        assert set((await rows_of("ada")).values()) == {0}

    async def test_that_broke_off(self, sessions, purge, account, rows_of):
        """What was begun is gone on with: after a fault between two batches the next purge does the rest."""
        await account("ada", rows=2500)

        with pytest.raises(Killed):
            await AccountPurge(sessions, owned_tables(), dying_at(step=3)).purge("ada")
        assert 0 < sum((await rows_of("ada")).values()) < 2500 * len(await rows_of("ada"))

        await purge.purge("ada")

        assert set((await rows_of("ada")).values()) == {0}

    async def test_waits_for_a_write(self, purge, account, rows_of, url):
        """A write that is under way ends first, and what it wrote goes too."""
        await account("ada")
        writer = await asyncpg.connect(url)
        async with writer.transaction():
            await writer.execute("SELECT 1 FROM user_streams WHERE user_id = 'ada' FOR UPDATE")
            purging = asyncio.create_task(purge.purge("ada"))
            await until(lambda: waiting(writer, 1))
            await writer.execute(
                """INSERT INTO todos (user_id, id, title, created_at, updated_at, search_text, title_key, seq)
                   VALUES ('ada', gen_random_uuid(), 'late', now(), now(), 'late', 'late', 4)"""
            )
        await purging
        await writer.close()

        assert set((await rows_of("ada")).values()) == {0}


class TestDeletedAccounts:
    @pytest.mark.needs_redis("accounts end by an entry in a stream")
    async def test_are_purged(self, redis, new_worker, account, rows_of, sql):
        """A worker reads `user.deleted` and keeps its place beside what it did."""
        await account("ada")
        await redis.xadd("auth:events", {"event_id": str(uuid4()), "type": "user.renamed", "user_id": "grace"})
        last = await redis.xadd("auth:events", {"event_id": str(uuid4()), "type": "user.deleted", "user_id": "ada"})
        new_worker()

        await until(lambda: position_is(sql, last.decode()), seconds=20)

        assert set((await rows_of("ada")).values()) == {0}
        assert await sql.fetchval("SELECT count(*) FROM user_streams WHERE purged_at IS NOT NULL") == 1

    @pytest.mark.needs_redis("accounts end by an entry in a stream")
    async def test_survive_a_killed_worker(self, redis, new_worker, account, rows_of, sql):
        """Killed in the middle of a purge, the next worker does the rest."""
        await account("ada", rows=20_000)
        worker = new_worker()
        last = await redis.xadd("auth:events", {"type": "user.deleted", "user_id": "ada"})
        await until(lambda: is_marked(sql, "ada"), seconds=20)
        worker.kill()
        assert sum((await rows_of("ada")).values()) > 0
        new_worker()

        await until(lambda: position_is(sql, last.decode()), seconds=20)

        assert set((await rows_of("ada")).values()) == {0}

    async def test_each_entry_by_one_worker(self, deleted, account, told, sql):
        """Who waited for the place finds that the entry has been dealt with."""
        await account("ada")

        await asyncio.gather(*(deleted.handle("5-0", {"type": "user.deleted", "user_id": "ada"}) for _ in range(3)))

        assert told.count(("ada", 3)) == 1
        assert await position_is(sql, "5-0")

    async def test_an_old_entry(self, deleted, account, rows_of):
        """What stands before the place is not read again; ids are numbers, not words."""
        await account("ada")
        await deleted.handle("10-0", {"type": "user.renamed", "user_id": "ada"})

        await deleted.handle("9-0", {"type": "user.deleted", "user_id": "ada"})

        assert set((await rows_of("ada")).values()) == {3}

    @pytest.mark.parametrize("user_id", ["", "x" * 256, "a\0b"])
    async def test_an_unfit_entry(self, deleted, sql, user_id):
        """What is nobody's id is passed over, so that it holds up nobody."""
        await deleted.handle("1-0", {"type": "user.deleted", "user_id": user_id})
        await deleted.handle("2-0", {"type": "user.deleted"})

        assert await position_is(sql, "2-0")
        assert await sql.fetchval("SELECT count(*) FROM user_streams") == 0


async def waiting(connection, number):
    """Whether so many wait for a lock."""
    return await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == number


async def is_marked(sql, user_id):
    """Whether an account has ended."""
    return await sql.fetchval("SELECT purged_at IS NOT NULL FROM user_streams WHERE user_id = $1", user_id)


async def position_is(sql, entry_id):
    """Whether the stream has been read to there."""
    return await sql.fetchval("SELECT last_id FROM stream_positions WHERE stream = 'auth:events'") == entry_id
