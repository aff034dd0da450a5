"""Tombstones: what is left of objects that are gone for good."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CTE, Delete, Insert, SmallInteger, delete, func, insert, literal, select

from todo_service.changes.models import TOMBSTONES, Kind

__all__ = ["buried", "unburied"]


def buried(user_id: str, gone: CTE, after: int, now: datetime) -> Insert:
    """Return the INSERT of a tombstone for each todo that `gone` removed, numbered in its order from `after` + 1 on.

    `gone` gives the columns `id` and `place`, by which they are ordered.
    """
    number = func.row_number().over(order_by=[gone.c.place, gone.c.id]) + after
    kind = literal(Kind.TODO.value, SmallInteger)
    names = ["user_id", "kind", "id", "seq", "deleted_at"]
    rows = select(literal(user_id), kind, gone.c.id, number, literal(now))
    return insert(TOMBSTONES).from_select(names, rows)


def unburied(user_id: str, todo_id: UUID) -> Delete:
    """Return the DELETE of a todo's tombstone, because one with its id is there again."""
    column = TOMBSTONES.c
    return delete(TOMBSTONES).where(column.user_id == user_id, column.kind == Kind.TODO.value, column.id == todo_id)
