"""The tables of what changed, beside the todos themselves."""

from datetime import datetime
from enum import IntEnum
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Text, UniqueConstraint, column, func
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlmodel import Field, SmallInteger

from todo_service.tables import Table

__all__ = [
    "EVENT_TICKETS",
    "IDEMPOTENCY_KEYS",
    "LARGE_BYTES",
    "STREAM_POSITIONS",
    "TOMBSTONES",
    "USER_STREAMS",
    "EventTicket",
    "IdempotencyKey",
    "Kind",
    "StreamPosition",
    "Tombstone",
    "UserStream",
]


LARGE_BYTES = 8192
"""No answer to a write of one todo is larger."""


def owner() -> Column[str]:
    """Return the first column of every key: whose row it is."""
    return Column(Text(collation="C"), primary_key=True)


def moment(*, nullable: bool = False) -> Column[datetime]:
    """Return a column for a time."""
    return Column(TIMESTAMP(timezone=True), nullable=nullable)


class Kind(IntEnum):
    """What a tombstone stands for."""

    TODO = 1


class UserStream(Table, table=True):
    """The one counter of a user. Every write holds its row, so writes of one user stand in a line (decision 0012)."""

    __tablename__ = "user_streams"
    # Its updates touch no index, and half of each page free lets them stay on it.
    __table_args__ = ({"postgresql_with": {"fillfactor": "50"}},)

    user_id: str = Field(sa_column=owner())
    seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """The number of the latest change."""
    purged_seq: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """The highest number of a tombstone that is gone: who has seen less must begin anew."""
    epoch: UUID
    """Which line of numbers this is. Another one tells clients that theirs has ended."""
    live_count: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    trash_count: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    purged_at: datetime | None = Field(default=None, sa_column=moment(nullable=True))
    """When the account ended. From then on nothing is written for it."""


class Tombstone(Table, table=True):
    """What is left of an object that is gone for good, so that clients hear of it."""

    __tablename__ = "tombstones"
    __table_args__ = (UniqueConstraint("user_id", "seq"), Index("tombstones_purge", "deleted_at"))

    user_id: str = Field(sa_column=owner())
    kind: int = Field(sa_column=Column(SmallInteger, primary_key=True, autoincrement=False))
    id: UUID = Field(primary_key=True)
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    deleted_at: datetime = Field(sa_column=moment())


class IdempotencyKey(Table, table=True):
    """A success that is answered again when its request comes again."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        Index("idempotency_keys_purge", "created_at"),
        # Whoever stores a large answer adds up how much room their large ones take.
        Index("idempotency_keys_large", "user_id", postgresql_where=func.octet_length(column("body")) > LARGE_BYTES),
    )

    user_id: str = Field(sa_column=owner())
    key: str = Field(sa_column=Column(Text, primary_key=True))
    body_sha: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: int = Field(sa_column=Column(SmallInteger, nullable=False))
    headers: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=moment())


class EventTicket(Table, table=True):
    """The right to open one stream of events, once and soon."""

    __tablename__ = "event_tickets"
    __table_args__ = (Index("event_tickets_purge", "expires_at"),)

    user_id: str = Field(sa_column=owner())
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    expires_at: datetime = Field(sa_column=moment())
    claims: dict[str, object] = Field(sa_column=Column(JSONB, nullable=False))


class StreamPosition(Table, table=True):
    """How far a stream of another service has been read. Its row's lock makes one worker the reader."""

    __tablename__ = "stream_positions"

    stream: str = Field(sa_column=Column(Text, primary_key=True))
    last_id: str = Field(sa_column=Column(Text, nullable=False))


TABLES = Table.metadata.tables
USER_STREAMS, TOMBSTONES, IDEMPOTENCY_KEYS = TABLES["user_streams"], TABLES["tombstones"], TABLES["idempotency_keys"]
EVENT_TICKETS, STREAM_POSITIONS = TABLES["event_tickets"], TABLES["stream_positions"]
"""The same tables for statements that need no entities."""

Index("user_streams_purge", USER_STREAMS.c.purged_at, postgresql_where=USER_STREAMS.c.purged_at.is_not(None))
