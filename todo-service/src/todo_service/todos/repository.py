"""The todos of one owner, in PostgreSQL. Every statement names the owner, and every write clears their cached lists."""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Insert, Select, bindparam, delete, func, insert, select, true
from sqlalchemy.exc import IntegrityError
from sqlmodel import select as select_entities
from sqlmodel.sql.expression import SelectOfScalar

from shared.database import Database, Session
from shared.problems import Busy
from todo_service.todos.cache import Page
from todo_service.todos.cursor import Cursor
from todo_service.todos.errors import IdTaken, TodoNotFound
from todo_service.todos.listing import Shape, beginning, filters, keys, parameters
from todo_service.todos.models import TODOS, Todo
from todo_service.todos.query import TodoQuery
from todo_service.todos.rendering import as_json, shown
from todo_service.todos.schemas import TodoPublic

__all__ = ["ClearPages", "TodoRepository", "read_page"]

PRIMARY_KEY = "pk_todos"
NEW_TODO = insert(TODOS)

ClearPages: TypeAlias = Callable[[], Awaitable[None]]


class TodoRepository:
    """The todos of one owner. Nobody else's can be reached through it."""

    def __init__(self, session: Session, user_id: str, clear_pages: ClearPages) -> None:
        self._session = session
        self._user_id = user_id
        self._clear_pages = clear_pages

    async def get(self, todo_id: UUID) -> Todo:
        """Return the todo, or raise `TodoNotFound`, also when it is someone else's."""
        return await self._one(self._mine(todo_id))

    async def get_for_change(self, todo_id: UUID) -> Todo:
        """Return the todo, which nobody else changes until this transaction ends, or raise `TodoNotFound`."""
        self._changes_todos()
        return await self._one(self._mine(todo_id).with_for_update())

    async def add(self, todo: TodoPublic, keys_of_texts: Mapping[str, str], event: Insert | None) -> None:
        """Insert `todo` and, in the same statement, the row of `event`; raises `IdTaken`, and then neither is there."""
        self._changes_todos()
        new = NEW_TODO if event is None else NEW_TODO.add_cte(event.cte("event"))
        try:
            await self._session.exec_alone(new, {**todo.model_dump(), **keys_of_texts})
        except IntegrityError as error:
            if PRIMARY_KEY not in str(error.orig):
                raise
            raise await self._id_taken(todo.id) from error

    async def save(self, todo: Todo) -> None:
        """Write the fields of a todo from `get_for_change` that have changed since; nothing if none has."""
        self._session.add(todo)
        await self._session.flush()

    async def remove(self, todo_id: UUID) -> None:
        """Delete the todo, or raise `TodoNotFound`."""
        self._changes_todos()
        gone = delete(TODOS).where(TODOS.c.user_id == self._user_id, TODOS.c.id == todo_id).returning(TODOS.c.id)
        if (await self._session.exec_alone(gone)).one_or_none() is None:
            raise TodoNotFound

    async def _id_taken(self, todo_id: UUID) -> IdTaken | Busy:
        try:
            current = TodoPublic.model_validate(await self.get(todo_id))
        except TodoNotFound:
            # It was deleted a moment ago, so a repeat will succeed.
            return Busy()
        return IdTaken(current=current.model_dump(mode="json"))

    def _mine(self, todo_id: UUID) -> SelectOfScalar[Todo]:
        return select_entities(Todo).where(TODOS.c.user_id == self._user_id, TODOS.c.id == todo_id)

    async def _one(self, wanted: SelectOfScalar[Todo]) -> Todo:
        todo = (await self._session.exec(wanted)).one_or_none()
        if todo is None:
            raise TodoNotFound
        return todo

    def _changes_todos(self) -> None:
        # Also when nothing changes in the end: the call may repeat one whose answer was lost, and that must show.
        self._session.on_end(self._clear_pages)


async def read_page(database: Database, user_id: str, query: TodoQuery) -> Page:
    """Return the page of the owner's todos, rendered by PostgreSQL in one statement.

    Rows become JSON text there and are joined here: no entity is built, and nothing is validated or serialised again.
    """
    shape = Shape.of(query)
    rows = await database.read(_page_statement(shape), parameters(query, user_id))
    total = rows[0]["total"] if shape.counts else None
    shown = [row["json"] for row in rows if row["json"] is not None]
    following = None
    if len(shown) > query.limit:
        shown.pop()
        last = rows[query.limit - 1]
        by = tuple(last[f"key{i}"] for i in range(len(keys(query.sort)) - 1))
        following = query.cursor_after(Cursor(by, last["id"]))
    return Page(f"[{','.join(shown)}]".encode(), following, total)


@lru_cache(maxsize=256)
def _page_statement(shape: Shape) -> Select[*tuple[object, ...]]:
    wanted, by = filters(shape), keys(shape.sort)
    public = shown()
    sorted_by = [key.column.label(f"key{i}") for i, key in enumerate(by[:-1])]
    page = (
        select(as_json(public), TODOS.c.id, *sorted_by)
        .select_from(TODOS.join(public, true()))
        .where(*wanted, *beginning(shape))
        .order_by(*(key.ordered for key in by))
        .limit(bindparam("rows"))
        .offset(bindparam("skip"))
    )
    if not shape.counts:
        return page
    # The total is on every row, and on one without a todo when the page is empty.
    numbered = page.add_columns(func.row_number().over(order_by=[key.ordered for key in by]).label("n")).subquery()
    total = select(func.count().label("total")).select_from(TODOS).where(*wanted).subquery()
    return select(total.c.total, numbered).select_from(total.outerjoin(numbered, true())).order_by(numbered.c.n)
