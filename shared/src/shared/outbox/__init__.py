"""The outbox: what must happen after a commit is a row of the same commit, and is done from there (decision 0005).

A feature hangs `record(…)` on its own statement. The worker's `Relay` announces due rows on their Redis Stream; whoever
reads an entry asks for the row with `claim`, does the work and says with `settle` how it ended:

    waiting ─relay─▶ queued ─claim─▶ working ─settle─▶ done, skipped, dead, or waiting for the next try
       ▲               │ due again in 5 min    │ due again in 60 s
       └───────────────┴───────────────────────┘

An entry only wakes a worker, the row is the truth: an entry, a Redis or a worker that is lost costs the time until the
row is due again, and an entry that comes twice finds the row taken.

A broadcast stream is read by other services, which cannot ask for the row: its entries hold the payload, the row is
done when it is sent, and a Redis that has lost its memory is told again (`shared.outbox.broadcast`).
"""

from shared.outbox.broadcast import Broadcast, Broadcasts
from shared.outbox.claims import Claimed, Outcome, claim, count_alike, settle
from shared.outbox.dead import Dead, list_dead, requeue_dead
from shared.outbox.metrics import OutboxRows
from shared.outbox.relay import Relay
from shared.outbox.sweep import sweep
from shared.outbox.table import Event, OutboxColumns, State, record, recorded, recording

__all__ = [
    "Broadcast",
    "Broadcasts",
    "Claimed",
    "Dead",
    "Event",
    "OutboxColumns",
    "OutboxRows",
    "Outcome",
    "Relay",
    "State",
    "claim",
    "count_alike",
    "list_dead",
    "record",
    "recorded",
    "recording",
    "requeue_dead",
    "settle",
    "sweep",
]
