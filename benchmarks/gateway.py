"""G1–G3: what the gateway costs beside nginx, a plain proxy, and no proxy at all."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.contestants import Shop, Upstream, asked, opened
from benchmarks.measure import ROUNDS, Result, Target, compare, cpu_seconds, requests_per_second, served
from benchmarks.open_loop import at_rate

PATH = "/todos/1"
STEADY_PER_SECOND, STEADY_SECONDS = 500, 5.0


def run() -> list[Result]:
    """Measure all of them before one upstream."""
    with (
        opened() as shop,
        shop.static() as upstream,
        _contestants(shop, upstream) as (ours, nginx, plain, pids),
    ):
        cost = {}
        for name, target in (("ours", ours), ("nginx", nginx)):
            cost[f"{name}_us"], cost[f"{name}_core"] = _cost(target, pids[name])
        beside_nginx, beside_plain = compare(ours, nginx), compare(ours, plain)
        added = [_added_milliseconds(ours, asked(upstream, PATH)) for _ in range(ROUNDS)]
    p50, p99 = (statistics.median(column) for column in zip(*added, strict=True))
    steady = f"ms added at {STEADY_PER_SECOND} requests/s, "
    return [
        Result("G1", "GET of 1 KB through the gateway / nginx", *beside_nginx, bar=0.25, goal=0.5, notes=cost),
        Result("G2", "GET of 1 KB through the gateway / FastAPI with httpx", *beside_plain, bar=10, goal=20),
        Result("G3", steady + "median", p50, 1, p50, bar=0.6, goal=0.4, at_most=True),
        Result("G3", steady + "99th percentile", p99, 1, p99, bar=5, goal=3, at_most=True),
    ]


@contextmanager
def _contestants(shop: Shop, upstream: str) -> Iterator[tuple[Target, Target, Target, dict[str, int]]]:
    """Run all proxies before one upstream; give what is asked of ours, of nginx and of the plain one, and two pids."""
    with (
        shop.gateway(Upstream("todos", upstream)) as (ours, pid),
        shop.nginx_before(upstream) as (nginx, nginx_pid),
        served("benchmarks.peers.httpx_proxy:app", PATH, {"UPSTREAM_URL": upstream}) as (plain, _),
    ):
        bases = (ours, nginx, plain)
        first, second, third = (asked(base, PATH) for base in bases)
        yield first, second, third, {"ours": pid, "nginx": nginx_pid}


def _cost(target: Target, pid: int) -> tuple[float, float]:
    """Return what a request takes of the processor, in µs, and how much of its core the process had.

    Far below 1, the load was the bound and not the process: nginx can do more than one core of load asks of it.
    """
    requests_per_second(target, 1)
    seconds, before = 4, cpu_seconds(pid)
    rate = requests_per_second(target, seconds)
    taken = (cpu_seconds(pid) - before) / seconds
    return round(taken / rate * 1e6, 1), round(taken, 2)


def _added_milliseconds(ours: Target, direct: Target) -> tuple[float, float]:
    through, without = (at_rate(target, STEADY_PER_SECOND, STEADY_SECONDS) for target in (ours, direct))
    return through.percentile(50) - without.percentile(50), through.percentile(99) - without.percentile(99)
