"""How a list's filters, order and beginning become conditions on the table. Values are bound when it is run.

Statements of one shape are one statement to SQLAlchemy and to PostgreSQL: `pages` builds and compiles each once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    SmallInteger,
    Text,
    UnaryExpression,
    and_,
    bindparam,
    or_,
    tuple_,
)

from todo_service.todos.cursor import KeyValue
from todo_service.todos.models import IS_LIVE, IS_TRASHED, TODOS
from todo_service.todos.paging import Paging

__all__ = ["Bound", "Shape", "beginning", "filters", "keys", "parameters"]

COLUMNS = {
    "created_at": TODOS.c.created_at,
    "updated_at": TODOS.c.updated_at,
    "completed_at": TODOS.c.completed_at,
    "priority": TODOS.c.priority,
    "title": TODOS.c.title_key,
    "deleted_at": TODOS.c.deleted_at,
}
"""What each sort key compares."""

Bound: TypeAlias = dict[str, object]


@dataclass(frozen=True, slots=True)
class Shape:
    """All of a query that decides the text of its statement, and none of its values."""

    of_trash: bool
    completed: bool
    priorities: int
    priority_gte: bool
    priority_lte: bool
    words: int
    sort: str
    after: tuple[bool, ...] | None
    """For each sort key of the cursor whether it has a value; None without a cursor."""
    counts: bool

    @classmethod
    def of(cls, query: Paging) -> "Shape":
        """Return the shape of `query`."""
        wanted = query.filters
        return cls(
            of_trash=query.of_trash,
            completed=wanted.completed is not None,
            priorities=len(wanted.priorities),
            priority_gte=wanted.priority_gte is not None,
            priority_lte=wanted.priority_lte is not None,
            words=len(wanted.words),
            sort=query.order,
            after=None if query.after is None else tuple(key is not None for key in query.after.keys),
            counts=query.count == "exact",
        )


def parameters(query: Paging, user_id: str) -> Bound:
    """Return the values of every parameter that a statement of the query's shape may name."""
    wanted = query.filters
    # One row more than the page holds says whether there is a next page.
    bound: Bound = {"user_id": user_id, "limit": query.limit, "rows": query.limit + 1, "skip": query.skip}
    bound |= {"completed": wanted.completed, "priority_gte": wanted.priority_gte, "priority_lte": wanted.priority_lte}
    bound |= {f"priority{i}": priority for i, priority in enumerate(wanted.priorities)}
    bound |= {f"word{i}": f"%{_escaped(word)}%" for i, word in enumerate(wanted.words)}
    if query.after is not None:
        bound |= {f"after{i}": key for i, key in enumerate(query.after.keys)} | {"after_id": query.after.id}
    return bound


def filters(shape: Shape) -> list[ColumnElement[bool]]:
    """Return the conditions that hold for every todo of the list, on whichever page."""
    column = TODOS.c
    conditions: list[ColumnElement[bool]] = [column.user_id == bindparam("user_id", type_=Text)]
    conditions.append(IS_TRASHED if shape.of_trash else IS_LIVE)
    if shape.completed:
        conditions.append(column.completed == bindparam("completed", type_=Boolean))
    if shape.priorities:
        # One parameter each: for an array, asyncpg would ask every new connection about the type.
        anyof = [bindparam(f"priority{i}", type_=SmallInteger) for i in range(shape.priorities)]
        conditions.append(column.priority.in_(anyof))
    if shape.priority_gte:
        conditions.append(column.priority >= bindparam("priority_gte", type_=SmallInteger))
    if shape.priority_lte:
        conditions.append(column.priority <= bindparam("priority_lte", type_=SmallInteger))
    words = (bindparam(f"word{i}", type_=Text) for i in range(shape.words))
    return conditions + [column.search_text.like(word, escape="\\") for word in words]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an order."""

    column: Column[KeyValue]
    descends: bool

    @property
    def may_miss(self) -> bool:
        """Whether a todo of the list can be without a value. In the trash, everything was deleted some time."""
        return bool(self.column.nullable) and self.column is not TODOS.c.deleted_at

    @property
    def ordered(self) -> UnaryExpression[KeyValue]:
        """The key in ORDER BY. A missing value sorts last both ways."""
        if not self.descends:
            return self.column.asc()
        # Said only where it matters: an index is not read for an order that names its nulls otherwise.
        return self.column.desc().nulls_last() if self.may_miss else self.column.desc()

    def beyond(self, bound: ColumnElement[KeyValue]) -> ColumnElement[bool]:
        """Return the condition that a todo comes after the value `bound` in this key alone."""
        further = self.column < bound if self.descends else self.column > bound
        return or_(further, self.column.is_(None)) if self.may_miss else further


def keys(sort: str) -> list[Key]:
    """Return what `sort` orders by: last the id, in the direction of the key before, so that no two todos tie."""
    named = [Key(COLUMNS[name.removeprefix("-")], name.startswith("-")) for name in sort.split(",")]
    return [*named, Key(TODOS.c.id, named[-1].descends)]


def beginning(shape: Shape) -> list[ColumnElement[bool]]:
    """Return the condition that a todo comes after the cursor, if there is one."""
    if shape.after is None:
        return []
    by = keys(shape.sort)
    names = [*(f"after{i}" for i in range(len(by) - 1)), "after_id"]
    bounds = [bindparam(name, type_=key.column.type) for name, key in zip(names, by, strict=True)]
    if len({key.descends for key in by}) == 1 and not any(key.may_miss for key in by):
        # The one form whose beginning PostgreSQL finds in an index instead of reading up to it.
        columns = tuple_(*(key.column for key in by))
        return [columns < tuple_(*bounds) if by[0].descends else columns > tuple_(*bounds)]
    return [_after_one_by_one(by, bounds, [*shape.after, True])]


def _after_one_by_one(
    by: Sequence[Key], bounds: Sequence[ColumnElement[KeyValue]], has_value: Sequence[bool]
) -> ColumnElement[bool]:
    """Return `a > :a OR (a = :a AND b < :b) OR …`, for mixed directions and for keys that may have no value."""
    ways: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for key, bound, present in zip(by, bounds, has_value, strict=True):
        if present:
            ways.append(and_(*equal, key.beyond(bound)))
        equal.append(key.column == bound if present else key.column.is_(None))
    return or_(*ways)


def _escaped(word: str) -> str:
    """Return `word` for LIKE, in which it means itself."""
    return re.sub(r"([\\%_])", r"\\\1", word)
