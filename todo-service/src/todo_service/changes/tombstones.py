"""Tombstones: what is left of objects that are gone for good, until every client should have heard of it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import CTE, Delete, SmallInteger, Subquery, delete, func, literal, or_, select, union
from sqlalchemy.dialects.postgresql import Insert, insert

from shared.database import Session
from todo_service.changes.models import TOMBSTONES, Kind
from todo_service.rows import ids_in, rows_in

__all__ = ["buried", "buried_at", "forget_some", "graves", "owners_of_old", "unburied"]

COLUMNS = TOMBSTONES.c
NAMES = ("user_id", "kind", "id", "seq", "deleted_at")


def buried(user_id: str, gone: CTE, after: int, now: datetime) -> Insert:
    """Return the INSERT of a tombstone for each todo that `gone` removed, numbered in its order from `after` + 1 on.

    `gone` gives the columns `id` and `place`, by which they are ordered.
    """
    number = func.row_number().over(order_by=[gone.c.place, gone.c.id]) + after
    kind = literal(Kind.TODO.value, SmallInteger)
    rows = select(literal(user_id), kind, gone.c.id, number, literal(now))
    return insert(TOMBSTONES).from_select(NAMES, rows)


def buried_at(user_id: str, seqs: Mapping[UUID, int], now: datetime) -> Insert:
    """Return the INSERT of a tombstone for each todo of `seqs`, with its number there in place of one that it had."""
    given = rows_in([{"id": str(gone), "seq": seq} for gone, seq in seqs.items()], [COLUMNS.id, COLUMNS.seq])
    kind = literal(Kind.TODO.value, SmallInteger)
    rows = select(literal(user_id), kind, given.c.id, given.c.seq, literal(now, COLUMNS.deleted_at.type))
    new = insert(TOMBSTONES).from_select(NAMES, rows)
    latest = {"seq": new.excluded.seq, "deleted_at": new.excluded.deleted_at}
    return new.on_conflict_do_update(index_elements=[COLUMNS.user_id, COLUMNS.kind, COLUMNS.id], set_=latest)


def graves(user_id: str) -> Subquery:
    """Return the ids of the user's todos that are gone for good, as a table to join with."""
    return select(COLUMNS.id).where(COLUMNS.user_id == user_id, COLUMNS.kind == Kind.TODO.value).subquery("graves")


def unburied(user_id: str, ids: Collection[UUID]) -> Delete:
    """Return the DELETE of the tombstones of `ids`, because todos with them are there again."""
    mine = (COLUMNS.user_id == user_id, COLUMNS.kind == Kind.TODO.value)
    return delete(TOMBSTONES).where(*mine, COLUMNS.id.in_(ids_in(ids)))


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
