"""What is in the outbox: how many events in which state, and for how long the oldest has been open."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Select, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from shared.database import Sessions, transaction
from shared.metrics import Collector
from shared.outbox.table import IS_OPEN, OutboxColumns, State, core
from shared.problems import Unavailable

__all__ = ["OutboxRows"]

OPEN_STATES = (State.WAITING, State.QUEUED, State.WORKING)
LOOK_SECONDS = 1.0
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
        self._looking: asyncio.Task[None] | None = None

    @property
    def metrics(self) -> Iterable[Collector]:
        """Itself."""
        return (self,)

    async def look(self) -> None:
        """Count anew, within a second.

        While the database is away or silent there is no figure: an old one would look like peace.
        """
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._count(), name="outbox-rows")
        # A silent database does not let go of a statement: who asks next time finds the same task.
        _, late = await asyncio.wait({self._looking}, timeout=LOOK_SECONDS)
        if late:
            self._rows = {}

    async def _count(self) -> None:
        try:
            async with transaction(self._sessions) as session:
                found = (await session.run(self._open_rows())).all()
                if time.monotonic() - self._dead_at > DEAD_EVERY_SECONDS:
                    self._dead = (await session.run(self._dead_rows())).scalar_one()
                    self._dead_at = time.monotonic()
        except (Unavailable, SQLAlchemyError):
            self._rows = {}
            return
        counted = {state: count for state, count, _ in found}
        self._rows = dict.fromkeys(OPEN_STATES, 0) | counted | {State.DEAD: self._dead}
        self._oldest = min((oldest for _, _, oldest in found), default=None)

    def _open_rows(self) -> Select[State, int, datetime]:
        state, created_at = self._outbox.c.state, self._outbox.c.created_at
        rows = select(state, func.count(), func.min(created_at)).where(text(IS_OPEN)).group_by(state)
        return rows.prefix_with("/* sweep: outbox_open */")

    def _dead_rows(self) -> Select[int]:
        rows = select(func.count()).select_from(self._outbox).where(self._outbox.c.state == State.DEAD)
        return rows.prefix_with("/* sweep: outbox_dead */")

    def snapshot(self) -> dict[str, object]:
        """Return what was counted last, for people; nothing while the database is away."""
        return {str(state): count for state, count in self._rows.items()}

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
