"""Many todos of one owner, read by one statement and written by one, however many there are."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, literal, select
from sqlalchemy.dialects.postgresql import Insert, insert

from shared.database import Session
from todo_service.changes.counter import Head, Turn
from todo_service.changes.tombstones import buried_at, unburied
from todo_service.changes.turns import Quota
from todo_service.notifications import Announcement
from todo_service.rows import ids_in, rows_in
from todo_service.todos import rules
from todo_service.todos.bulk.draft import Draft
from todo_service.todos.models import TODOS
from todo_service.todos.repository import Known, look_up
from todo_service.todos.schemas import TodoPublic

__all__ = ["BulkWrites"]

OF_EACH = [column for column in TODOS.c if column.name != "user_id"]
"""The columns in which a bulk's todos differ."""


class BulkWrites:
    """The todos of one owner, in a transaction that writes many of them."""

    def __init__(self, session: Session, user_id: str, turn: Turn) -> None:
        self._session = session
        self._user_id = user_id
        self._turn = turn

    @property
    def quota(self) -> Quota:
        """How much the owner may have."""
        return self._turn.quota

    async def begin(self) -> Head:
        """Let nobody else write for the owner until this transaction ends; raises as `Turn.begin` does."""
        return await self._turn.begin()

    async def look_up(self, ids: Collection[UUID]) -> Known:
        """Return what is known of `ids`."""
        return await look_up(self._session, self._user_id, ids)

    async def store(self, draft: Draft, event: Announcement | None) -> None:
        """Write what todos have become, their tombstones, the row of `event` and the counter, by one statement.

        Its text is the same however many there are: a connection prepares it once, and it is one round trip, where
        `executemany` takes one a table. No row is touched by two parts of it, which PostgreSQL would not allow: a todo
        is either written, and has no tombstone, or gone, and has one.
        """
        changes = draft.changes
        gone = {todo_id: change.seq for todo_id, change in changes.items() if change.todo is None}
        kept = [(change.todo, change.seq) for change in changes.values() if change.todo is not None]
        removal = delete(TODOS).where(TODOS.c.user_id == self._user_id, TODOS.c.id.in_(ids_in(gone)))
        statement = self._written(kept).add_cte(
            removal.cte("gone"),
            unburied(self._user_id, [todo.id for todo, _ in kept]).cte("forgotten"),
            buried_at(self._user_id, gone, draft.now).cte("buried"),
        )
        if event is not None:
            statement = statement.add_cte(event.insert().cte("event"))
        await self._turn.write(statement, draft.head)

    def _written(self, kept: Collection[tuple[TodoPublic, int]]) -> Insert:
        """Return the INSERT of todos with their numbers, which replaces those that are there."""
        rows = [{**todo.model_dump(mode="json"), **rules.texts_of(todo), "seq": seq} for todo, seq in kept]
        given = rows_in(rows, OF_EACH)
        new = insert(TODOS).from_select(["user_id", *given.c.keys()], select(literal(self._user_id), *given.c))
        latest = {column.name: new.excluded[column.name] for column in OF_EACH if column.name != "id"}
        return new.on_conflict_do_update(index_elements=[TODOS.c.user_id, TODOS.c.id], set_=latest)
