"""Figures for Prometheus: plain numbers that each part keeps of itself, put into words when somebody asks.

A part has `metrics`, the figures that it keeps; the composition root hands its parts to one `Metrics`, which the admin
port shows. There is no registry of the process (decision 0019): a part that is made twice, as in tests, counts for
itself each time. Numbers change on the event loop alone, so counting takes no lock.
"""

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

__all__ = ["SECONDS", "Collector", "Counts", "Gauge", "Gauges", "Histogram", "Measured", "Metrics", "Total"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.4, 1.0, 2.5, 5.0, 10.0)
"""Bounds of times, among them those that a promise about latency is made of: 150 and 400 milliseconds."""


class Measured(Protocol):
    """A part that keeps figures of itself."""

    @property
    def metrics(self) -> Iterable[Collector]:
        """The figures."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that goes up and down, read when it is asked for."""

    name: str
    says: str
    read: Callable[[], float]

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        return [GaugeMetricFamily(self.name, self.says, value=self.read())]


@dataclass(frozen=True, slots=True)
class Gauges:
    """Numbers that go up and down, by the value of one label."""

    name: str
    says: str
    label: str
    read: Callable[[], Mapping[str, float]]

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        family = GaugeMetricFamily(self.name, self.says, labels=[self.label])
        for value, number in self.read().items():
            family.add_metric([value], number)
        return [family]


@dataclass(frozen=True, slots=True)
class Total:
    """A number that only grows, and that a part keeps anyway; its `name` ends in `_total`."""

    name: str
    says: str
    read: Callable[[], float]

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        return [CounterMetricFamily(self.name, self.says, value=self.read())]


class Counts:
    """How often something has happened, by the value of one label; its `name` ends in `_total`."""

    def __init__(self, name: str, says: str, label: str, known: Iterable[str] = ()) -> None:
        """The `known` values are shown from the beginning, as 0: a rate can then tell of the first time."""
        self.name = name
        self._says = says
        self._label = label
        self._counts: defaultdict[str, float] = defaultdict(int, dict.fromkeys(known, 0))

    def add(self, value: str, number: float = 1) -> None:
        """Count `number` more. Values must be few: each is a series of its own."""
        self._counts[value] += number

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        family = CounterMetricFamily(self.name, self._says, labels=[self._label])
        for value, number in self._counts.items():
            family.add_metric([value], number)
        return [family]


class Histogram:
    """How many observations there were up to each of the `bounds`, and their sum."""

    def __init__(self, name: str, says: str, bounds: Sequence[float] = SECONDS) -> None:
        self.name = name
        self._says = says
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, number: float) -> None:
        """Take one observation."""
        self._counts[bisect_left(self._bounds, number)] += 1
        self._sum += number

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        buckets, below = [], 0
        for bound, count in zip([*map(str, self._bounds), "+Inf"], self._counts, strict=True):
            below += count
            buckets.append((bound, float(below)))
        return [HistogramMetricFamily(self.name, self._says, buckets, self._sum)]


class Metrics:
    """All figures of a process."""

    def __init__(self, *parts: Measured, look_first: Sequence[Callable[[], Awaitable[None]]] = ()) -> None:
        """`look_first` is awaited before the `parts` are asked."""
        self._collectors = [collector for part in parts for collector in part.metrics]
        self._look_first = look_first

    def gauge(self, name: str, says: str, read: Callable[[], float]) -> None:
        """Add a number that is read when it is asked for."""
        self._collectors.append(Gauge(name, says, read))

    def collect(self) -> Iterable[Metric]:
        """Return every figure."""
        return [metric for collector in self._collectors for metric in collector.collect()]

    async def look(self) -> None:
        """Let those parts count that do so only when somebody asks."""
        await asyncio.gather(*(look() for look in self._look_first))

    async def render(self) -> bytes:
        """Return what Prometheus reads, in its text format 0.0.4."""
        await self.look()
        return generate_latest(self)
