"""The feed of one user, from one statement: counter and rows of the same moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Select,
    SmallInteger,
    Text,
    bindparam,
    case,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.sql.selectable import LateralFromClause

from shared.database import Database, Row
from todo_service.changes.feed.sync_token import LARGEST, SyncToken
from todo_service.changes.models import TOMBSTONES, USER_STREAMS, Kind
from todo_service.todos import changed_todos

__all__ = ["Stretch", "read_stretch"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a user's feed, and the state of their counter at that moment."""

    epoch: UUID | None
    head: int
    purged_seq: int
    changes: Sequence[Row]
    """By `seq`, with `id` and `json`; the latter is None for what is gone."""


async def read_stretch(database: Database, user_id: str, position: SyncToken, rows: int) -> Stretch:
    """Return at most `rows` changes after `position`, without deletions of what its client cannot have.

    It is one statement and thus one snapshot: with the counter read after the rows, the answer would claim to hold
    changes that came in between. Raises as `Database.read` does.
    """
    parameters = {
        "user_id": user_id,
        "kind": Kind.TODO,
        "since": position.seq,
        # Nothing that is deleted now can be in a copy that is only begun now.
        "deleted_after": LARGEST if position.is_beginning else position.head,
        "shows_trash": position.shows_trash,
        "rows": rows,
    }
    found = await database.read(_statement(), parameters)
    if not found:
        return Stretch(epoch=None, head=0, purged_seq=0, changes=())
    first = found[0]
    changes = found if first["seq"] is not None else ()
    return Stretch(first["epoch"], first["head"], first["purged_seq"], changes)


@lru_cache(maxsize=1)
def _statement() -> Select[*tuple[object, ...]]:
    # The counter stands on every row, and on one without a change when there is none.
    column, changes = USER_STREAMS.c, _changes()
    return (
        select(column.epoch, column.seq.label("head"), column.purged_seq, changes)
        .select_from(USER_STREAMS.outerjoin(changes, true()))
        .where(column.user_id == bindparam("user_id", type_=Text))
        .order_by(changes.c.seq)
    )


def _changes() -> LateralFromClause:
    """Return the next changes. Both halves are cut before they meet, so that each reads no more than a page."""
    deleted_after, rows = bindparam("deleted_after", type_=BigInteger), bindparam("rows", type_=BigInteger)
    todos = changed_todos()
    todo = todos.selected_columns
    is_shown = or_(todo.deleted_at.is_(None), bindparam("shows_trash", type_=Boolean))
    present = (
        todos.with_only_columns(todo.seq, todo.id, case((is_shown, todo.json)).label("json"))
        .where(or_(is_shown, todo.seq > deleted_after))
        .order_by(todo.seq)
        .limit(rows)
    )
    column = TOMBSTONES.c
    gone = (
        select(column.seq, column.id, null().label("json"))
        .where(column.user_id == bindparam("user_id", type_=Text), column.kind == bindparam("kind", type_=SmallInteger))
        .where(column.seq > bindparam("since"), column.seq > deleted_after)
        .order_by(column.seq)
        .limit(rows)
    )
    return union_all(present, gone).order_by("seq").limit(rows).lateral("changes")
