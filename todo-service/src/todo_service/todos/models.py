"""The table of todos. Rules for what a client may send are in `schemas`: a table model validates nothing."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Text, desc, false
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlmodel import Field, SmallInteger

from todo_service.tables import Table

__all__ = ["IS_LIVE", "IS_TRASHED", "TODOS", "Todo"]


def milliseconds() -> TIMESTAMP:
    """Return the type of a column for times, which clients see to the millisecond."""
    return TIMESTAMP(timezone=True, precision=3)


class Todo(Table, table=True):
    """One todo of one owner. Every key starts with the owner, so that a user's data can move to another machine."""

    __tablename__ = "todos"
    __table_args__ = (
        CheckConstraint("char_length(user_id) BETWEEN 1 AND 255", name="user_id_length"),
        CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="title_length"),
        CheckConstraint("char_length(description) <= 1000", name="description_length"),
        CheckConstraint("completed = (completed_at IS NOT NULL)", name="completed_has_a_time"),
        CheckConstraint("priority BETWEEN 1 AND 5", name="priority_range"),
        # Room on each page lets an update stay there and touch no index.
        {"postgresql_with": {"fillfactor": "90"}},
    )

    user_id: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))
    id: UUID = Field(primary_key=True)
    title: str = Field(sa_column=Column(Text, nullable=False))
    description: str | None = Field(default=None, sa_column=Column(Text))
    completed: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    completed_at: datetime | None = Field(default=None, sa_column=Column(milliseconds()))
    priority: int = Field(default=3, sa_column=Column(SmallInteger, nullable=False, server_default="3"))
    created_at: datetime = Field(sa_column=Column(milliseconds(), nullable=False))
    updated_at: datetime = Field(sa_column=Column(milliseconds(), nullable=False))
    search_text: str = Field(sa_column=Column(Text, nullable=False))
    """What search looks in: see `search.search_text`."""
    title_key: str = Field(sa_column=Column(Text(collation="C"), nullable=False))
    """What sorting by title compares: see `search.title_key`."""
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    """One more with each change; see `rules.reborn` for where it begins."""
    seq: int = Field(sa_column=Column(BigInteger, nullable=False))
    """The number of its latest change among all changes of its owner."""
    deleted_at: datetime | None = Field(default=None, sa_column=Column(milliseconds()))
    """Since when it is in the trash; None outside."""


TODOS = Table.metadata.tables["todos"]
"""The same table for statements that need no entities."""

IS_LIVE, IS_TRASHED = TODOS.c.deleted_at.is_(None), TODOS.c.deleted_at.is_not(None)

Index("todos_list", TODOS.c.user_id, desc(TODOS.c.created_at), desc(TODOS.c.id), postgresql_where=IS_LIVE)
Index("todos_trash", TODOS.c.user_id, desc(TODOS.c.deleted_at), desc(TODOS.c.id), postgresql_where=IS_TRASHED)
Index("todos_purge", TODOS.c.deleted_at, postgresql_where=IS_TRASHED)
Index("todos_sync", TODOS.c.user_id, TODOS.c.seq, unique=True)
