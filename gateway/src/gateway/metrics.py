"""The figures of the gateway: what it counts is what it logs."""

from collections.abc import Iterable, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from gateway.access_log import AccessLog, Line
from gateway.configuration.config import Config
from gateway.configuration.settings import Environment
from gateway.exchange.passage import Passage
from gateway.upstreams.endpoint import STATES
from gateway.upstreams.tally import Tally
from gateway.upstreams.upstream import Upstream
from shared.metrics import Collector, Gauge
from shared.request_metrics import Requests

__all__ = ["CountingLog", "UpstreamFigures", "requests_of"]


def requests_of(config: Config) -> Requests:
    """Return the counts of requests by the routes of `config`."""
    return Requests(streams={route.path for route in config.routes if route.stream})


class CountingLog(AccessLog):
    """The log of requests, which also counts them, written or not."""

    def __init__(self, environment: Environment, requests: Requests) -> None:
        super().__init__(environment.log_level, environment.log_format)
        self._requests = requests

    def add(self, line: Line) -> None:
        """Take one request's line."""
        route, status, milliseconds = line["route"], line["status"], line["duration_ms"]
        assert isinstance(status, int)
        assert isinstance(milliseconds, float)
        self._requests.observe(str(line["method"]), str(route) if route else None, status, milliseconds / 1000)
        super().add(line)


class UpstreamFigures:
    """The figures of the services and of what is on its way to them."""

    def __init__(self, upstreams: Mapping[str, Upstream], tally: Tally, passage: Passage) -> None:
        self._upstreams = upstreams
        self._tally = tally
        self._in_flight = Gauge(
            "gateway_in_flight", "Requests on their way to services, streams among them.", lambda: passage.in_flight
        )

    @property
    def metrics(self) -> Iterable[Collector]:
        """All of them."""
        return (self, self._in_flight, self._tally.seconds, self._tally.retries, self._tally.shed)

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        says = "Attempts at services, by the class of the answer's status, or by what went wrong."
        requests = CounterMetricFamily("gateway_upstream_requests_total", says, labels=("upstream", "outcome"))
        for labels, count in self._tally.outcomes.items():
            requests.add_metric(labels, count)
        endpoints = GaugeMetricFamily("gateway_endpoints", "Addresses of services.", labels=("upstream", "state"))
        opened = GaugeMetricFamily("gateway_breaker_open", "Addresses left alone.", labels=("upstream",))
        for name, upstream in self._upstreams.items():
            states = [endpoint.state for endpoint in upstream.endpoints]
            for state in STATES:
                endpoints.add_metric((name, state), states.count(state))
            opened.add_metric((name,), sum(breaker.is_open for breaker in upstream.breakers))
        return [requests, endpoints, opened]
