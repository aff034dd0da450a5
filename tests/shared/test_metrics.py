"""Figures: counted by the parts of a process, shown at its admin port."""

import math

import httpx
import pytest

from devstack.ports import free_ports
from shared.health import Health
from shared.metrics import Counts, Gauge, Gauges, Histogram, Metrics, Total
from shared.request_metrics import Requests
from tests.metering import read


class Part:
    """A part that keeps these figures."""

    def __init__(self, *metrics):
        self.metrics = metrics


async def shown(*metrics):
    """Return what Prometheus reads of these figures."""
    return read(await Metrics(Part(*metrics)).render())


class TestFigures:
    async def test_are_read_when_they_are_asked_for(self):
        """A gauge and a total tell the number of now, infinity too."""
        numbers = {"up": 1.0, "seen": 3.0}
        up = Gauge("up", "Up.", lambda: numbers["up"])
        seen = Total("seen_total", "Seen.", lambda: numbers["seen"])
        numbers |= {"up": math.inf, "seen": 4.0}

        assert await shown(up, seen) == {"up": math.inf, "seen_total": 4.0}

    async def test_counts_have_a_series_for_each_value(self):
        """Those that are known are 0 from the beginning."""
        mails = Counts("mails_total", "Mails.", "outcome", ["done", "dead"])
        mails.add("done")
        mails.add("skipped", 2)

        assert await shown(mails) == {
            "mails_total{'outcome': 'done'}": 1.0,
            "mails_total{'outcome': 'dead'}": 0.0,
            "mails_total{'outcome': 'skipped'}": 2.0,
        }

    async def test_gauges_have_a_series_for_each_value(self):
        """As their function returns them."""
        assert await shown(Gauges("keys", "Keys.", "set", lambda: {"own": 2})) == {"keys{'set': 'own'}": 2.0}

    async def test_a_histogram_counts_up_to_each_bound(self):
        """A bound counts what is as large as itself or smaller."""
        waits = Histogram("waits", "Waits.", bounds=(0.1, 1.0))
        for seconds in (0.05, 0.1, 0.5, 7.0):
            waits.observe(seconds)

        found = await shown(waits)

        assert found["waits_sum"] == pytest.approx(7.65)
        assert {name: number for name, number in found.items() if name != "waits_sum"} == {
            "waits_bucket{'le': '0.1'}": 2.0,
            "waits_bucket{'le': '1.0'}": 3.0,
            "waits_bucket{'le': '+Inf'}": 4.0,
            "waits_count": 4.0,
        }


class TestRequests:
    async def test_are_counted_by_template_and_not_by_path(self):
        """What a client made up is one series: no route is `none`, an unknown method `other`."""
        requests = Requests()
        requests.observe("GET", "/todos/{todo_id}", 200, 0.1)
        requests.observe("BREW", None, 404, 0.1)

        found = read(await Metrics(requests).render())

        assert {name: count for name, count in found.items() if name.startswith("http_requests_total")} == {
            "http_requests_total{'method': 'GET', 'route': '/todos/{todo_id}', 'status': '200'}": 1.0,
            "http_requests_total{'method': 'other', 'route': 'none', 'status': '404'}": 1.0,
        }

    async def test_streams_have_no_time(self):
        """An event stream is counted when it has ended, and its hours are nobody's waiting."""
        requests = Requests(streams={"/events"})
        requests.observe("GET", "/events", 200, 3600.0)
        requests.observe("GET", "/todos", 200, 0.1)

        found = read(await Metrics(requests).render())

        assert (found["http_request_seconds_count"], found["http_request_seconds_sum"]) == (1.0, 0.1)


class TestTheAdminPort:
    async def test_shows_them(self):
        """GET /metrics is what Prometheus reads, with the lag of the event loop in it."""
        [port] = free_ports(1)
        async with (
            Health.serve("127.0.0.1", port, metrics=Metrics(Requests())),
            httpx.AsyncClient(trust_env=False) as client,
        ):
            answer = await client.get(f"http://127.0.0.1:{port}/metrics")

        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert read(answer.content)["loop_lag_seconds"] >= 0

    async def test_has_none_where_nothing_is_counted(self):
        """A process without figures answers 404."""
        [port] = free_ports(1)
        async with Health.serve("127.0.0.1", port), httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://127.0.0.1:{port}/metrics")).status_code == 404

    async def test_looks_first(self):
        """What must be asked elsewhere is asked before the figures are read."""
        rows = {"count": 0}

        async def look():
            rows["count"] = 7

        metrics = Metrics(Part(Gauge("rows", "Rows.", lambda: rows["count"])), look_first=[look])

        assert read(await metrics.render()) == {"rows": 7.0}
