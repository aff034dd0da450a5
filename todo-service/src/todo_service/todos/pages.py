"""Pages of lists as PostgreSQL renders them: one statement, of which nothing is validated or serialised again."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, Text, bindparam, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.functions import array_agg

from shared.database import Database
from todo_service.changes.counter import HEAD, head_of
from todo_service.todos.cache import Page
from todo_service.todos.cursor import Cursor
from todo_service.todos.listing import Shape, beginning, filters, keys, parameters
from todo_service.todos.models import TODOS
from todo_service.todos.paging import Paging
from todo_service.todos.rendering import as_json, shown

__all__ = ["read_page", "read_state"]

T = TypeVar("T")

FIRST, LIMIT, COMMA = literal_column("1", Integer), bindparam("limit", type_=Integer), literal_column("','", Text)


async def read_page(database: Database, user_id: str, query: Paging) -> Page:
    """Return the page of the owner's todos, with the state of their data in the same snapshot.

    Raises as `Database.read` does.
    """
    shape = Shape.of(query)
    [row] = await database.read(_page_statement(shape), parameters(query, user_id))
    following = None
    if row["found"] > query.limit:
        by = tuple(row[f"key{i}"] for i in range(len(query.order.split(","))))
        following = query.cursor_after(Cursor(by, row["id"]))
    total = row["total"] if shape.counts else None
    return Page(f"[{row['todos'] or ''}]".encode(), following, total, _state(row["seq"], row["epoch"]))


async def read_state(database: Database, user_id: str) -> str:
    """Return the state of the owner's data, another one after each change; raises as `Database.read` does."""
    rows = await database.read(HEAD, {"user_id": user_id})
    return _state(rows[0]["seq"], rows[0]["epoch"]) if rows else _state(None, None)


def _state(seq: int | None, epoch: UUID | None) -> str:
    """Return which line of numbers it is and how far that has come; who has written nothing has neither."""
    return "00000000-0" if epoch is None else f"{epoch.hex[:8]}-{seq}"


@lru_cache(maxsize=256)
def _page_statement(shape: Shape) -> Select[*tuple[object, ...]]:
    """Return the statement of one row: the page as one text, how many were found, and the keys of the page's last.

    Twenty rows of a driver cost more than the database takes to find and render them (decision 0015).
    """
    wanted, by = filters(shape), keys(shape.sort)
    public, head = shown(), head_of()
    sort_keys = [key.column.label(f"key{i}") for i, key in enumerate(by[:-1])]
    found = (
        select(as_json(public), TODOS.c.id, *sort_keys)
        .select_from(TODOS.join(public, true()))
        .where(*wanted, *beginning(shape))
        .order_by(*(key.ordered for key in by))
        .limit(bindparam("rows"))
        .offset(bindparam("skip"))
        .subquery("found")
    )
    # Aggregates take the rows as the subquery orders them, and are one row even where there is nothing to find.
    text = func.array_to_string(_all(found.c.json)[FIRST:LIMIT], COMMA).label("todos")
    last = [_all(column)[LIMIT].label(column.name) for column in found.c if column.name != "json"]
    page = select(text, func.count().label("found"), *last).select_from(found).subquery("page")
    columns, joined = [page, head], page.outerjoin(head, true())
    if shape.counts:
        total = select(func.count().label("total")).select_from(TODOS).where(*wanted).subquery("total")
        columns, joined = [*columns, total], joined.join(total, true())
    return select(*columns).select_from(joined)


def _all(column: ColumnElement[T]) -> array_agg[Sequence[T]]:
    """Return the values of a column in the order of its rows."""
    return array_agg(column, type_=ARRAY(column.type))
