"""Tombstones: what is left of objects that are gone for good, until every client should have heard of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CTE, Delete, Insert, SmallInteger, delete, func, insert, literal, or_, select, union

from shared.database import Session
from todo_service.changes.models import TOMBSTONES, Kind

__all__ = ["buried", "forget_some", "owners_of_old", "unburied"]

COLUMNS = TOMBSTONES.c


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
    return delete(TOMBSTONES).where(COLUMNS.user_id == user_id, COLUMNS.kind == Kind.TODO.value, COLUMNS.id == todo_id)


async def owners_of_old(session: Session, before: datetime, most: int, *, at_most: int) -> list[str]:
    """Return some of those who have tombstones from `before`, or more than `most`. Nothing is locked."""
    # Owners and not rows are counted: those of an account that has ended stay for its purge, and must not be all.
    old = select(COLUMNS.user_id).where(COLUMNS.deleted_at < before).distinct().limit(at_most)
    many = select(COLUMNS.user_id).group_by(COLUMNS.user_id).having(func.count() > most).limit(at_most)
    either = union(old.subquery().select(), many.subquery().select()).subquery()
    found = select(either.c.user_id).prefix_with("/* sweep: tombstone_purge */")
    return list((await session.run(found)).scalars())


async def forget_some(session: Session, user_id: str, before: datetime, most: int, *, at_most: int) -> list[int]:
    """Delete the user's tombstones from `before` and those beyond the newest `most`, the oldest first.

    Return the numbers of those that went, `at_most` so many.
    """
    kept = select(COLUMNS.seq).where(COLUMNS.user_id == user_id).order_by(COLUMNS.seq.desc()).offset(most).limit(1)
    is_old = or_(COLUMNS.deleted_at < before, COLUMNS.seq <= kept.scalar_subquery())
    some = select(COLUMNS.seq).where(COLUMNS.user_id == user_id, is_old).order_by(COLUMNS.seq).limit(at_most)
    gone = delete(TOMBSTONES).where(COLUMNS.user_id == user_id, COLUMNS.seq.in_(some)).returning(COLUMNS.seq)
    return list((await session.run(gone)).scalars())
