"""What is in the outbox: how many events in which state, and for how long the oldest has been open."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select, text

from shared.database import Sessions, transaction
from shared.metrics import Collector
from shared.outbox.table import IS_OPEN, OutboxColumns, State, core
from shared.problems import Unavailable

__all__ = ["OutboxRows"]

OPEN_STATES = (State.WAITING, State.QUEUED, State.WORKING)
DEAD_EVERY_SECONDS = 60.0
"""No index finds the dead. Counting them reads the whole table, a week of events."""


class OutboxRows:
    """Counts the events of one outbox. What is done is not counted: it is only kept to be looked at."""

    def __init__(self, sessions: Sessions, table: type[OutboxColumns]) -> None:
        self._sessions = sessions
        self._outbox = core(table)
        self._rows: dict[str, int] = {}
        self._oldest: datetime | None = None
        self._dead = 0
        self._dead_at = float("-inf")

    @property
    def metrics(self) -> Iterable[Collector]:
        """Itself."""
        return (self,)

    async def look(self) -> None:
        """Count anew. While the database is away there is no figure: an old one would look like peace."""
        try:
            async with transaction(self._sessions) as session:
                outbox = self._outbox.c
                counted = select(outbox.state, func.count(), func.min(outbox.created_at)).where(text(IS_OPEN))
                found = (
                    await session.run(counted.prefix_with("/* sweep: outbox_open */").group_by(outbox.state))
                ).all()
                if time.monotonic() - self._dead_at > DEAD_EVERY_SECONDS:
                    dead = select(func.count()).select_from(self._outbox).where(outbox.state == State.DEAD)
                    self._dead = (await session.run(dead.prefix_with("/* sweep: outbox_dead */"))).scalar_one()
                    self._dead_at = time.monotonic()
        except Unavailable:
            self._rows = {}
            return
        self._rows = (
            dict.fromkeys(OPEN_STATES, 0) | {state: count for state, count, _ in found} | {State.DEAD: self._dead}
        )
        self._oldest = min((oldest for _, _, oldest in found), default=None)

    def collect(self) -> Iterable[Metric]:
        """Called when somebody asks."""
        if not self._rows:
            return []
        rows = GaugeMetricFamily("outbox_rows", "Events that are open or were given up, by state.", labels=["state"])
        for state, count in self._rows.items():
            rows.add_metric([str(state)], count)
        age = (datetime.now(UTC) - self._oldest).total_seconds() if self._oldest else 0.0
        says = "The age of the oldest event that is not done, skipped or given up."
        return [rows, GaugeMetricFamily("outbox_oldest_seconds", says, value=age)]
