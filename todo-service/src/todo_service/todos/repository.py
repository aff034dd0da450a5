"""The todos of one owner, in PostgreSQL. Every statement names the owner, and every write raises their counter."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, delete, insert, select, update

from shared.database import Session
from todo_service.changes.counter import NEXT_SEQ, Head, Turn
from todo_service.changes.tombstones import buried, graves, unburied
from todo_service.notifications import ANY, Announcement
from todo_service.rows import rows_in
from todo_service.todos import rules
from todo_service.todos.errors import TodoNotFound
from todo_service.todos.models import IS_TRASHED, TODOS
from todo_service.todos.schemas import TodoPublic

__all__ = ["Known", "TodoRepository", "TodoWrites", "look_up", "owners_of_old_trash"]

NEW_TODO = insert(TODOS).values(seq=NEXT_SEQ).returning(TODOS.c.seq)
ANNOUNCED_TODO = NEW_TODO.add_cte(ANY.cte("event"))
"""The same with the row of its event. Both are built once: building one costs more than running it."""

PUBLIC = [TODOS.c[name] for name in TodoPublic.model_fields]
BY_ID = select(*PUBLIC).where(TODOS.c.user_id == bindparam("user_id"), TODOS.c.id == bindparam("id", type_=Uuid))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of some ids of one owner."""

    todos: dict[UUID, TodoPublic]
    """Those that are there, also in the trash."""
    gone: set[UUID]
    """Those whose todo was removed for good."""


async def look_up(session: Session, user_id: str, ids: Collection[UUID]) -> Known:
    """Return what is known of the owner's `ids`, by one statement whose text is the same for one and for a hundred."""
    given, gone = rows_in([{"id": str(one)} for one in ids], [TODOS.c.id]), graves(user_id)
    mine = and_(TODOS.c.user_id == user_id, TODOS.c.id == given.c.id)
    joined = given.outerjoin(TODOS, mine).outerjoin(gone, gone.c.id == given.c.id)
    rows = (await session.run(select(*PUBLIC, gone.c.id.label("grave")).select_from(joined))).mappings().all()
    todos = [TodoPublic.model_validate(row) for row in rows if row["id"] is not None]
    return Known({todo.id: todo for todo in todos}, {row["grave"] for row in rows if row["grave"] is not None})


class TodoRepository:
    """The todos of one owner. Nobody else's can be reached through it."""

    def __init__(self, session: Session, user_id: str) -> None:
        self._session = session
        self._user_id = user_id

    async def get(self, todo_id: UUID) -> TodoPublic:
        """Return the todo; raise `TodoNotFound` when there is none, it is in the trash, or it is someone else's."""
        todo = await self.find(todo_id)
        if todo is None or todo.deleted_at is not None:
            raise TodoNotFound
        return todo

    async def find(self, todo_id: UUID) -> TodoPublic | None:
        """Return the todo, also from the trash, or None."""
        found = await self._session.run(BY_ID, {"user_id": self._user_id, "id": todo_id})
        row = found.mappings().one_or_none()
        return None if row is None else TodoPublic.model_validate(row)


class TodoWrites(TodoRepository):
    """The same, in a transaction that writes. But for `add`, all begin with `begin` and raise the counter it gives."""

    def __init__(self, session: Session, user_id: str, turn: Turn) -> None:
        super().__init__(session, user_id)
        self._turn = turn

    async def begin(self) -> Head:
        """Let nobody else write for the owner until this transaction ends; raises as `Turn.begin` does."""
        return await self._turn.begin()

    async def look_up(self, ids: Collection[UUID]) -> Known:
        """Return what is known of `ids`, which the client has chosen."""
        return await look_up(self._session, self._user_id, ids)

    async def add(self, todo: TodoPublic, event: Announcement | None) -> int:
        """Insert a todo with a new id and the row of `event`, by one statement; raises as `Turn.create` does.

        Return the number of this change.
        """
        values = {**todo.model_dump(), **rules.texts_of(todo)}
        if event is None:
            return await self._turn.create(NEW_TODO, values)
        return await self._turn.create(ANNOUNCED_TODO, values | event.values())

    async def add_named(self, todo: TodoPublic, event: Announcement | None, head: Head) -> None:
        """Do the same with an id of the client's own, which no todo has. It may have been a todo's that is gone."""
        rules.count(head, None, todo, self._turn.quota)
        new = insert(TODOS).values({**todo.model_dump(), **rules.texts_of(todo), "seq": head.take()})
        new = new.add_cte(unburied(self._user_id, [todo.id]).cte("forgotten"))
        await self._turn.write(new if event is None else new.add_cte(event.insert().cte("event")), head)

    async def save(self, todo: TodoPublic, head: Head) -> None:
        """Write what a patch can change, as one change."""
        stored = todo.model_dump(exclude={"id", "user_id", "created_at", "deleted_at"})
        await self._update(todo.id, {**stored, **rules.texts_of(todo)}, head)

    async def move(self, before: TodoPublic | None, after: TodoPublic, head: Head) -> None:
        """Write that a todo has gone into the trash, or out of it; raises `QuotaExceeded`."""
        rules.count(head, before, after, self._turn.quota)
        await self._update(after.id, {"deleted_at": after.deleted_at, "version": after.version}, head)

    async def bury(self, todo: TodoPublic, head: Head, now: datetime) -> None:
        """Remove the todo for good, wherever it is, and leave a tombstone."""
        rules.count(head, todo, None, self._turn.quota)
        mine = (TODOS.c.user_id == self._user_id, TODOS.c.id == todo.id)
        gone = delete(TODOS).where(*mine).returning(TODOS.c.id, TODOS.c.seq.label("place")).cte("gone")
        statement = buried(self._user_id, gone, head.seq, now)
        head.take()
        await self._turn.write(statement, head)

    async def bury_trash(self, head: Head, now: datetime, *, at_most: int, before: datetime | None = None) -> int:
        """Do the same to the oldest in the trash, of those deleted `before` if that is given; return how many went."""
        column = TODOS.c
        old = () if before is None else (column.deleted_at < before,)
        oldest = select(column.id).where(column.user_id == self._user_id, IS_TRASHED, *old)
        oldest = oldest.order_by(column.deleted_at, column.id).limit(at_most)
        going = delete(TODOS).where(column.user_id == self._user_id, column.id.in_(oldest))
        gone = going.returning(column.id, column.deleted_at.label("place")).cte("gone")
        removed = (await self._session.run(buried(self._user_id, gone, head.seq, now))).rowcount
        if removed:
            head.seq, head.trash = head.seq + removed, head.trash - removed
            await self._turn.store(head)
        return removed

    async def _update(self, todo_id: UUID, values: Mapping[str, object], head: Head) -> None:
        mine = (TODOS.c.user_id == self._user_id, TODOS.c.id == todo_id)
        await self._turn.write(update(TODOS).where(*mine).values({**values, "seq": head.take()}), head)


async def owners_of_old_trash(session: Session, before: datetime, at_most: int) -> list[str]:
    """Return some of those who have todos in the trash since `before`. Nothing is locked: what is found may go."""
    # Owners and not todos are counted: those of an account that has ended stay for its purge, and must not be all.
    old = select(TODOS.c.user_id).where(TODOS.c.deleted_at < before).distinct().limit(at_most)
    found = old.prefix_with("/* sweep: trash_purge */")
    return list((await session.run(found)).scalars())
