"""What the service and its worker count."""

import json

import httpx
import pytest

from tests.metering import read, scan
from tests.todo_service.harness import Caller, running
from tests.waiting import until
from todo_service.tables import SCHEMA


@pytest.fixture
async def figures(url, redis_url):
    """A service of the test's own with a caller, and what its figures are now."""
    async with running(url, redis_url) as app, Caller(app, "ada") as ada:

        async def figures():
            return read(await app.state.metrics.render())

        yield app, ada, figures


class TestTheService:
    async def test_label_count(self, figures):
        """Ten thousand paths by methods known and unknown leave two hundred series at most, all other figures in."""
        app, _, figures = figures

        await scan(app, 10_000)

        found = await figures()
        assert len(found) <= 200
        assert found["http_request_seconds_count"] == 10_000

    @pytest.mark.needs_redis("pages are kept there")
    async def test_counts_requests_tokens_and_pages(self, figures):
        """A list is a miss and then a hit, by its template; a token is valid, or refused for its reason."""
        _, ada, figures = figures
        todo = await ada.new()
        await ada.get("/todos")
        await ada.get("/todos")
        await ada.get(f"/todos/{todo['id']}")
        await ada.get("/todos", headers={"Authorization": "Bearer rubbish"})

        found = await figures()

        assert found["http_requests_total{'method': 'GET', 'route': '/todos', 'status': '200'}"] == 2
        assert found["http_requests_total{'method': 'GET', 'route': '/todos/{todo_id}', 'status': '200'}"] == 1
        assert found["todo_cache_reads_total{'result': 'miss'}"] == 1
        assert found["todo_cache_reads_total{'result': 'hit'}"] == 1
        assert found["tokens_total{'result': 'valid'}"] == 4
        assert found["tokens_total{'result': 'shape'}"] == 1
        assert found["db_pool_wait_seconds_count"] > 0
        assert found["db_pool_in_use"] == 0
        assert (found["redis_up"], found["redis_errors_total"]) == (1, 0)
        assert found["sse_streams"] == 0
        assert found["jwks_skipped_keys{'set': 'own'}"] == 0
        assert found["revocation_lag_seconds"] < 60

    async def test_tells_people_of_its_parts(self, figures):
        """Whether it is ready, its connections and schema, Redis, and how old its key sets are; and no address."""
        app, _, _ = figures

        told = await app.state.health.status()

        assert told["status"] == "ready"
        assert (told["postgres"]["connections_in_use"], told["postgres"]["schema"]) == (0, SCHEMA)
        assert told["redis"] == {"up": True, "errors": 0}
        assert told["keys"] == {"own": {"keys": [], "skipped": 0, "age_seconds": None}}
        assert "://" not in json.dumps(told)

    async def test_says_that_redis_is_gone(self, new_valkey, url):
        """Reads without Redis, writes whose pages could not be cleared, and its errors are told."""
        valkey = new_valkey()
        async with running(url, valkey.url) as app, Caller(app, "ada") as ada:
            valkey.kill()
            await ada.new()
            for _ in range(4):
                await ada.get("/todos")

            found = read(await app.state.metrics.render())

        assert found["redis_errors_total"] >= 1
        assert found["todo_cache_clears_failed_total"] == 1


class TestTheWorker:
    async def test_counts_the_outbox(self, new_worker, sql, redis_url):
        """Open events by state, those that were given up, and how old the oldest open one is."""
        await sql.execute(
            "INSERT INTO outbox (user_id, event_id, stream, type, payload, created_at, next_at, state)"
            " SELECT 'ada', gen_random_uuid(), 'nobodys', 'of.the.test', '{}', now() - interval '1 hour',"
            " now() + interval '1 hour', state FROM unnest(ARRAY['waiting', 'waiting', 'dead', 'done']) state"
        )
        worker, found = new_worker(), {}

        async def has_counted():
            try:
                found.update(read((await admin.get("/metrics")).content))
            except httpx.TransportError:
                return False
            return True

        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{worker.admin_port}") as admin:
            await until(has_counted, seconds=60)
            status = (await admin.get("/status")).json()

        assert status["outbox"] == {"waiting": 2, "queued": 0, "working": 0, "dead": 1}
        assert status["redis"]["up"] is True
        states = ("waiting", "queued", "working", "dead")
        assert [found[f"outbox_rows{{'state': '{state}'}}"] for state in states] == [2, 0, 0, 1]
        assert found["outbox_oldest_seconds"] == pytest.approx(3600, abs=120)
        assert found["mails_total{'outcome': 'done'}"] == 0
        assert found["swept_rows_total{'sweep': 'trash'}"] == 0
