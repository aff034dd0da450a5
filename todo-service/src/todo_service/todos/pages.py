"""Pages of lists as PostgreSQL renders them: one statement, of which nothing is validated or serialised again."""

from functools import lru_cache
from uuid import UUID

from sqlalchemy import Select, bindparam, func, literal_column, select, true

from shared.database import Database
from todo_service.changes.counter import HEAD, head_of
from todo_service.todos.cache import Page
from todo_service.todos.cursor import Cursor
from todo_service.todos.listing import Shape, beginning, filters, keys, parameters
from todo_service.todos.models import TODOS
from todo_service.todos.paging import Paging
from todo_service.todos.rendering import as_json, shown

__all__ = ["read_page", "read_state"]


async def read_page(database: Database, user_id: str, query: Paging) -> Page:
    """Return the page of the owner's todos, and the state of their data in which the same snapshot saw it."""
    shape = Shape.of(query)
    rows = await database.read(_page_statement(shape), parameters(query, user_id))
    total = rows[0]["total"] if shape.counts else None
    state = _state(rows[0]["head"], rows[0]["epoch"])
    shown = [row["json"] for row in rows if row["json"] is not None]
    following = None
    if len(shown) > query.limit:
        shown.pop()
        last = rows[query.limit - 1]
        by = tuple(last[f"key{i}"] for i in range(len(keys(query.order)) - 1))
        following = query.cursor_after(Cursor(by, last["id"]))
    return Page(f"[{','.join(shown)}]".encode(), following, total, state)


async def read_state(database: Database, user_id: str) -> str:
    """Return the state of the owner's data: it is another one after each change."""
    rows = await database.read(HEAD, {"user_id": user_id})
    return _state(rows[0]["seq"], rows[0]["epoch"]) if rows else _state(None, None)


def _state(seq: int | None, epoch: UUID | None) -> str:
    """Return which line of numbers it is and how far that has come; who has written nothing has neither."""
    return "00000000-0" if epoch is None else f"{epoch.hex[:8]}-{seq}"


@lru_cache(maxsize=256)
def _page_statement(shape: Shape) -> Select[*tuple[object, ...]]:
    wanted, by = filters(shape), keys(shape.sort)
    public, head = shown(), head_of()
    order = [key.ordered for key in by]
    sorted_by = [key.column.label(f"key{i}") for i, key in enumerate(by[:-1])]
    page = (
        select(as_json(public), TODOS.c.id, *sorted_by, func.row_number().over(order_by=order).label("n"))
        .select_from(TODOS.join(public, true()))
        .where(*wanted, *beginning(shape))
        .order_by(*order)
        .limit(bindparam("rows"))
        .offset(bindparam("skip"))
        .subquery("page")
    )
    # What belongs to the whole is on every row, and on one without a todo when the page is empty.
    whole = select(literal_column("1")).subquery("whole")
    columns, joined = [head.c.seq.label("head"), head.c.epoch], whole.outerjoin(head, true())
    if shape.counts:
        total = select(func.count().label("total")).select_from(TODOS).where(*wanted).subquery("total")
        columns, joined = [*columns, total.c.total], joined.join(total, true())
    return select(*columns, page).select_from(joined.outerjoin(page, true())).order_by(page.c.n)
