"""One storm from nothing to its verdict, over a set of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from devstack.places import temporary_folder
from devstack.ports import free_ports
from tests.chaos.letterbox import Letterbox
from tests.chaos.storm import Storm
from tests.chaos.tally import Tally
from tests.chaos.verdict import judge
from tests.running_set import started_in


async def run(seconds: float, seed: int) -> Tally:
    """Let a storm rage for so long, and return what happened and what is wrong."""
    with gathering(seed) as storm:
        try:
            await storm.rage(seconds)
            await judge(storm)
        except AssertionError as error:  # Something was waited for that did not come.
            storm.tally.fault(str(error))
        return storm.tally


@contextmanager
def gathering(seed: int) -> Iterator[Storm]:
    """Give a storm that is about to begin, over a set that runs until the end of the block."""
    (smtp_port,) = free_ports(1)
    with (
        temporary_folder() as folder,
        Letterbox(smtp_port) as letters,
        started_in(folder, SMTP_URL=letters.url) as running,
    ):
        yield Storm(running, letters, seed)
