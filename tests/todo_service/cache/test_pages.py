"""Cached pages through the service: fresh on every replica, bounded, and never in the way."""

import asyncio
from uuid import uuid4

import pytest

from shared.redis import RedisClient, connect
from tests.todo_service.harness import Caller
from todo_service.todos.cache import MAX_PAGE_BYTES, MAX_PAGES, Page, PageCache, Permit


@pytest.fixture
async def redis(valkey):
    """A client past the cache, to look what it keeps."""
    async with connect(valkey.url, read_timeout=5) as client:
        yield client


@pytest.fixture
async def cache(valkey):
    """A cache on the run's Valkey, with a clock that stands still."""
    async with RedisClient.open(valkey.url) as client:
        yield PageCache(client, clock=lambda: 0.0)


class TestReplicas:
    @pytest.mark.parametrize("write", ["create", "change", "delete"])
    async def test_show_a_write_as_soon_as_it_is_answered(self, ada, client_for, replica, write):
        """What one replica has cached, a write on another makes fresh."""
        elsewhere = client_for("ada", on=replica)
        todo = await ada.new("old")
        assert await elsewhere.titles() == await ada.titles() == ["old"]

        if write == "create":
            await ada.new("new")
        elif write == "change":
            await ada.patch(f"/todos/{todo['id']}", json={"title": "new"})
        else:
            await ada.delete(f"/todos/{todo['id']}")

        assert await elsewhere.titles() == {"create": ["new", "old"], "change": ["new"], "delete": []}[write]

    async def test_never_miss_a_write_under_load(self, ada, client_for, replica):
        """Ten writers on two replicas: each sees its own todo at once in a list of either."""
        places = [ada, client_for("ada", on=replica)]

        async def write_and_look(number: int) -> bool:
            await places[number % 2].new(f"todo {number}")
            lists = [await place.titles() for place in places]
            return all(f"todo {number}" in titles for titles in lists)

        assert all(await asyncio.gather(*(write_and_look(number) for number in range(30))))

    @pytest.mark.needs_redis("looks at what is kept there")
    async def test_a_refused_write_clears_too(self, app, ada, redis):
        """It may repeat one whose answer was lost."""
        todo = await ada.new()
        for refused in (
            ada.post("/todos", json={"title": "x", "id": todo["id"]}),
            ada.patch(f"/todos/{todo['id']}", json={}),
            ada.delete(f"/todos/{uuid4()}"),
        ):
            await ada.titles()
            assert await redis.exists(key_of(ada)) == 1
            await refused
            assert await redis.exists(key_of(ada)) == 0

    async def test_one_that_does_not_read_still_clears(self, ada, client_for, uncached):
        """TODO_CACHE=off on one replica leaves the others fresh."""
        writer = client_for("ada", on=uncached)
        assert await ada.titles() == []

        await writer.new("new")

        assert await ada.titles() == ["new"]


class TestBounds:
    @pytest.mark.needs_redis("looks at what is kept there")
    async def test_a_users_pages_die_together_after_a_minute(self, ada, redis):
        """Reading does not keep them alive."""
        await ada.titles()
        await redis.pexpire(key_of(ada), 30_000)

        await ada.titles()
        await ada.titles("limit=5")

        assert 0 < await redis.pttl(key_of(ada)) <= 30_000

    @pytest.mark.needs_redis("looks at what is kept there")
    async def test_a_user_has_32_pages_at_most(self, ada, redis):
        """More are served and not kept."""
        for limit in range(1, 40):
            await ada.titles(f"limit={limit}")

        assert await redis.hlen(key_of(ada)) == MAX_PAGES + 1

    @pytest.mark.needs_redis("looks at what is kept there")
    async def test_large_pages_are_not_kept(self, cache, redis):
        """Nor is anything of whom the cache distrusts."""
        permit = await cache.read("ada", b"page")
        assert isinstance(permit, Permit)

        await cache.fill("ada", b"page", permit, Page(b"x" * (MAX_PAGE_BYTES + 1)))

        assert isinstance(await cache.read("ada", b"page"), Permit)

    @pytest.mark.needs_redis("looks at what is kept there")
    async def test_spellings_of_one_query_are_one_page(self, app, ada):
        """What is asked counts, not how."""
        await ada.new()
        mark = len(app.state.watch.statements)

        for query in ("priority=3&priority=1&limit=9", "limit=9&priority=1&priority=3&priority=3&sort=-created_at"):
            await ada.titles(query)

        assert len(await app.state.watch.since(mark)) == 1

    @pytest.mark.needs_redis("looks at what is kept there")
    async def test_a_foreign_value_is_no_error(self, ada, redis):
        """A key of another type is passed by."""
        await redis.set(key_of(ada), "nonsense", ex=5)

        assert await ada.titles() == []

    async def test_too_many_failed_clears_turn_it_off_for_a_minute(self):
        """With more users to remember than is sensible, nobody's pages are read."""
        now = 0.0
        async with RedisClient.open("redis://127.0.0.1:1/0") as client:
            cache = PageCache(client, clock=lambda: now)
            for number in range(10_001):
                await cache.clear(f"user {number}")

            assert cache._is_distrusted("somebody else")
            now = 60.1
            assert not cache._is_distrusted("somebody else")
            assert not cache._is_distrusted("user 7")

    @pytest.mark.parametrize(
        "page", [Page(b"[]"), Page(b"[\n]", "abc", 7), Page(b"", None, 0), Page(b"[1]", "x", None, "0a1b2c3d-9")]
    )
    def test_a_page_is_kept_whole(self, page):
        """Packed and unpacked it is the same."""
        assert Page.unpack(page.pack()) == page


def key_of(caller: Caller) -> str:
    """Return the name of the caller's hash, spelt out anew."""
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    return "td:{" + urlsafe_b64encode(sha256(caller.user_id.encode()).digest()).decode().rstrip("=") + "}:p"
