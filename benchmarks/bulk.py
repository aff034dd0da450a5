"""G4: what a body of a gigabyte takes of the gateway's memory while one side goes at a megabyte a second."""

import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.contestants import Upstream, asked, opened
from benchmarks.measure import Result, Target, resident_megabytes
from benchmarks.peers.upstream import MEGABYTE

SIZE = 1000 * MEGABYTE
SLOW_SECONDS = 30
"""A megabyte each; the rest goes at full speed."""


def run() -> list[Result]:
    """Measure both directions."""
    with (
        opened() as shop,
        shop.scripted() as upstream,
        shop.gateway(Upstream("bulk", upstream)) as (base, pid),
    ):
        down, up = asked(base, f"/bulk/{SIZE}"), asked(base, f"/bulk/{SLOW_SECONDS}")
        _download(asked(base, f"/bulk/{MEGABYTE}"), MEGABYTE, 0)
        _upload(asked(base, "/bulk/0"), MEGABYTE)
        taken = _grown(pid, lambda: _download(down, SIZE, SLOW_SECONDS)), _grown(pid, lambda: _upload(up, SIZE))
    ways = "to a client", "to an upstream"
    return [
        Result("G4", f"MB more resident, 1 GB {way} that takes 1 MB/s", more, 1, more, bar=16, goal=16, at_most=True)
        for way, more in zip(ways, taken, strict=True)
    ]


def _grown(pid: int, work: Callable[[], None]) -> float:
    """Return by how many megabytes the process was larger during `work` than before, at most."""
    before = resident_megabytes(pid)
    # From here on the kernel notes the most anew (proc_pid_clear_refs(5)).
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    work()
    return resident_megabytes(pid, "VmHWM:") - before


def _connection(target: Target) -> tuple[HTTPConnection, str, dict[str, str]]:
    base, path = target.url.removeprefix("http://").split("/", 1)
    return HTTPConnection(base, timeout=60), f"/{path}", {"Authorization": f"Bearer {target.tokens[0]}"}


def _download(target: Target, size: int, slow_seconds: int) -> None:
    connection, path, fields = _connection(target)
    connection.request("GET", path, headers=fields)
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    left = size
    for _ in range(slow_seconds):
        left -= len(answer.read(MEGABYTE))
        time.sleep(1)
    while piece := answer.read(MEGABYTE):
        left -= len(piece)
    assert left == 0, left
    connection.close()


def _upload(target: Target, size: int) -> None:
    connection, path, fields = _connection(target)
    piece = bytes(MEGABYTE)
    connection.request("POST", path, (piece for _ in range(size // MEGABYTE)), {**fields, "Content-Length": str(size)})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    answer.read()
    connection.close()
