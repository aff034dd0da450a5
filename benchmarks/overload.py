"""B6: what an upstream that swallows everything costs others. B8: what a service still does at three times its load.

Both have a load at a fixed rate: who only asks again when answered cannot overload anything.
"""

import socket
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from benchmarks.contestants import Upstream, asked, opened
from benchmarks.measure import ROUNDS, Result, Target, requests_per_second
from benchmarks.open_loop import Outcome, at_rate
from benchmarks.peers.upstream import SLOTS

BYSTANDERS_PER_SECOND, BESIDE_PER_SECOND = 300, 100
SECONDS = 5.0
UNAVAILABLE = 503

# As many at once as the service can do.
_FITTING = f"max_in_flight = {SLOTS}\n"


def run_black_hole() -> list[Result]:
    """Measure B6."""
    with (
        opened() as shop,
        shop.static() as well,
        _swallowing() as hole,
        shop.gateway(Upstream("todos", well), Upstream("other", well), Upstream("hole", hole)) as (base, _),
        ProcessPoolExecutor(1) as beside,
    ):
        bystanders = asked(base, "/todos/1")

        def together(path: str) -> tuple[Outcome, Outcome]:
            """Load both routes; the same work is asked of clients and machine, whatever is behind the second one."""
            # Two seconds more: until the gateway has given the upstream up.
            others = beside.submit(at_rate, asked(base, path, connections=256), BESIDE_PER_SECOND, SECONDS + 2)
            time.sleep(2)
            return at_rate(bystanders, BYSTANDERS_PER_SECOND, SECONDS), others.result()

        pairs, refused = [], []
        for _ in range(ROUNDS):
            calm, _ = together("/other/1")
            busy, stranded = together("/hole/1")
            pairs.append((busy.percentile(99), calm.percentile(99)))
            refused.append(stranded.percentile(99, UNAVAILABLE))
    busy_p99, calm_p99 = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio, refusal = statistics.median(a / b for a, b in pairs), statistics.median(refused)
    return [
        Result(
            "B6",
            "ms p99 of a route while another's upstream swallows / answers",
            busy_p99,
            calm_p99,
            ratio,
            1.2,
            1.1,
            at_most=True,
        ),
        Result("B6", "ms p99 of a refusal once that upstream is given up", refusal, 1, refusal, 10, 10, at_most=True),
    ]


@contextmanager
def _swallowing() -> Iterator[str]:
    """Give the URL of a port on which no connection comes about: its queue is full, and nobody empties it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    try:
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for one in (*waiting, listener):
            one.close()


def run_overload() -> list[Result]:
    """Measure B8."""
    with (
        opened() as shop,
        shop.scripted() as upstream,
        shop.gateway(Upstream("slow", upstream, more=_FITTING)) as (base, _),
    ):
        target = asked(base, "/slow/wait", connections=512)
        capacity = requests_per_second(Target(f"{upstream}/slow/wait", connections=SLOTS))
        calm = [at_rate(target, capacity / 2, SECONDS) for _ in range(ROUNDS)]
        over = [at_rate(target, capacity * 3, SECONDS) for _ in range(ROUNDS)]
    good = statistics.median(outcome.count() / outcome.seconds for outcome in over)
    slow, normal = (statistics.median(outcome.percentile(99) for outcome in each) for each in (over, calm))
    return [
        Result(
            "B8",
            "answers a second at three times its load / what a service can do",
            good,
            capacity,
            good / capacity,
            0.8,
            0.95,
        ),
        Result(
            "B8",
            "ms p99 of what is let through then / at half its load",
            slow,
            normal,
            slow / normal,
            2,
            1.5,
            at_most=True,
        ),
    ]
