"""How many requests were answered, with what, and how fast."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily

from shared.metrics import Collector, Histogram

__all__ = ["Requests"]

METHODS = {method: method for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
NO_ROUTE, OTHER_METHOD = "none", "other"


class Requests:
    """The requests of a process.

    No label holds what a client has written: a path counts by its route, one without a route as `none`, a method that
    nothing here knows as `other`. So a scan of ten thousand paths adds one series for each status.
    """

    def __init__(self, streams: Collection[str] = ()) -> None:
        """`streams` are the routes whose answers go on for hours: their time says nothing about anybody's waiting."""
        self._streams = frozenset(streams)
        self._counts: defaultdict[tuple[str, str | None, int], int] = defaultdict(int)
        self._seconds = Histogram(
            "http_request_seconds", "How long requests took, from the first word to the whole answer; no event streams."
        )

    def observe(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request that has ended. `route` is its template."""
        self._counts[METHODS.get(method, OTHER_METHOD), route, status] += 1
        if route not in self._streams:
            self._seconds.observe(seconds)

    @property
    def metrics(self) -> Iterable[Collector]:
        """Itself."""
        return (self,)

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        total = CounterMetricFamily(
            "http_requests_total", "Requests that have ended.", labels=("method", "route", "status")
        )
        for (method, route, status), count in self._counts.items():
            total.add_metric([method, route or NO_ROUTE, str(status)], count)
        return [total, *self._seconds.collect()]
