"""What an event is while it is stored, and how one is recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from uuid import UUID

from sqlalchemy import Index, Insert, Table, Text, bindparam, insert, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import declared_attr
from sqlmodel import Field, SQLModel

from shared.ids import uuid7
from shared.logging import current_request_id, current_traceparent

__all__ = ["CONTEXT", "IS_OPEN", "Event", "OutboxColumns", "State", "core", "record", "recorded", "recording"]

CONTEXT = "context"
"""The member of every payload that says which request it came from; `record` writes it, no feature may use it."""

# Literals, not parameters: PostgreSQL's generic plan can use the partial index only when it sees them.
IS_OPEN = "state IN ('waiting', 'queued', 'working')"


class State(StrEnum):
    """Where an event stands."""

    WAITING = "waiting"
    QUEUED = "queued"
    WORKING = "working"
    DONE = "done"
    SKIPPED = "skipped"
    DEAD = "dead"


class OutboxColumns(SQLModel):
    """The columns of a service's outbox. `user_id` is '' for an event of no known user."""

    user_id: str = Field(primary_key=True, sa_type=Text(collation="C"))
    event_id: UUID = Field(primary_key=True)
    stream: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    payload: dict[str, object] = Field(sa_type=JSONB)
    created_at: datetime = Field(sa_type=TIMESTAMP(timezone=True))
    state: State = Field(sa_type=Text, sa_column_kwargs={"server_default": State.WAITING})
    attempts: int = Field(sa_column_kwargs={"server_default": "0"})
    next_at: datetime = Field(sa_type=TIMESTAMP(timezone=True))
    done_at: datetime | None = Field(sa_type=TIMESTAMP(timezone=True))
    last_error: str | None = Field(sa_type=Text)

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index]:  # noqa: N805  # SQLAlchemy calls it with the class
        return (Index("outbox_due", "next_at", postgresql_where=text(IS_OPEN)),)


RECORDED = ("user_id", "event_id", "stream", "type", "payload", "created_at", "next_at")
"""The columns that an event is recorded in."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a user ('' when it is nobody's), for the readers of a stream."""

    user_id: str
    stream: str
    type: str
    payload: Mapping[str, object]


@cache
def recording(table: type[OutboxColumns]) -> Insert:
    """Return the INSERT of any event, whose values `recorded` gives: one statement, built and compiled once."""
    outbox = core(table)
    return insert(outbox).values({name: bindparam(f"event_{name}", type_=outbox.c[name].type) for name in RECORDED})


def recorded(event: Event, now: datetime) -> dict[str, object]:
    """Return the values of `event` for `recording`.

    The payload gets a member `context` with the request id and `traceparent` of the request being handled.
    """
    context = {"request_id": current_request_id(), "traceparent": current_traceparent()}
    payload = {**event.payload, CONTEXT: context}
    values = (event.user_id, uuid7(), event.stream, event.type, payload, now, now)
    return {f"event_{name}": value for name, value in zip(RECORDED, values, strict=True)}


def record(table: type[OutboxColumns], event: Event, now: datetime) -> Insert:
    """Return the INSERT of `event` with its values, to be run alone or hung on the feature's statement as a CTE."""
    values = recorded(event, now)
    return insert(core(table)).values({name: values[f"event_{name}"] for name in RECORDED})


def core(table: type[OutboxColumns]) -> Table:
    """Return the table of the model `table`, for Core statements."""
    return table.metadata.tables[str(table.__tablename__)]
