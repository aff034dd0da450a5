"""What an owner does with their todos, and the rules of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from pydantic import ValidationError

from shared.faults import validation_problem
from shared.ids import uuid7
from shared.tokens import Principal
from todo_service.notifications import todo_created
from todo_service.todos.conditions import IfMatch
from todo_service.todos.errors import IdTaken, ReadOnlyField, StaleVersion, TodoNotFound
from todo_service.todos.repository import Texts, TodoWrites
from todo_service.todos.schemas import READ_ONLY, Emptied, TodoCreate, TodoPatch, TodoPublic
from todo_service.todos.search import search_text, title_key

__all__ = ["TodoService", "Written"]

EMPTIED_AT_ONCE = 10_000
"""How much of the trash one call removes: its transaction holds the owner's lock."""


@dataclass(frozen=True, slots=True)
class Written:
    """A todo after a write, and the number up to which the feed of changes shows it."""

    todo: TodoPublic
    seq: int


class TodoService:
    """The todos of one owner, to create and to change."""

    def __init__(self, todos: TodoWrites, owner: Principal, *, notifies: bool) -> None:
        self._todos = todos
        self._owner = owner
        self._notifies = notifies

    async def create(self, wanted: TodoCreate) -> Written:
        """Store a new todo and the event that mails its owner; raises `IdTaken`, `QuotaExceeded`."""
        now = _now()
        todo = _new(self._owner.id, wanted, now)
        texts = _texts_of(todo)
        event = todo_created(self._owner, todo.id, todo.title, now) if self._notifies else None
        if wanted.id is None:
            return Written(todo, await self._todos.add(todo, texts, event))
        head = await self._todos.begin()
        if (taken := await self._todos.find(todo.id)) is not None:
            raise IdTaken(current=taken.model_dump(mode="json"))
        await self._todos.add_named(todo, texts, event, head)
        return Written(todo, head.seq)

    async def change(self, todo_id: UUID, patch: TodoPatch, condition: IfMatch) -> Written:
        """Apply what `patch` sets and return the todo; raises `TodoNotFound`, `StaleVersion` and `ReadOnlyField`.

        A patch that changes nothing writes nothing. Two that change different fields both survive.
        """
        head = await self._todos.begin()
        todo = await self._todos.get(todo_id)
        sent = patch.model_dump(exclude_unset=True)
        _require(todo, condition, sent.pop("version", todo.version))
        different = {name: value for name, value in sent.items() if getattr(todo, name) != value}
        _refuse_read_only(different)
        if different:
            changed = _merged(todo, different, _now())
            stored = changed.model_dump(exclude={"id", "user_id", "created_at", "deleted_at"})
            await self._todos.save(todo_id, {**stored, **_texts_of(changed)}, head)
            todo = changed
        return Written(todo, head.seq)

    async def remove(self, todo_id: UUID, condition: IfMatch) -> int:
        """Move a live todo to the trash; return the number of this change. Raises `TodoNotFound`, `StaleVersion`."""
        head = await self._todos.begin()
        todo = await self._todos.get(todo_id)
        _require(todo, condition, todo.version)
        await self._todos.move_to_trash(todo, head, _now())
        return head.seq

    async def remove_for_good(self, todo_id: UUID, condition: IfMatch) -> int:
        """Remove a todo, live or trashed, so that only a tombstone is left; else as `remove`."""
        head = await self._todos.begin()
        todo = await self._found(todo_id)
        _require(todo, condition, todo.version)
        await self._todos.bury(todo, head, _now())
        return head.seq

    async def restore(self, todo_id: UUID, condition: IfMatch) -> Written:
        """Take a todo out of the trash; one that is live stays as it is.

        Raises `TodoNotFound`, `StaleVersion` and `QuotaExceeded`.
        """
        head = await self._todos.begin()
        todo = await self._found(todo_id)
        _require(todo, condition, todo.version)
        if todo.deleted_at is not None:
            await self._todos.take_from_trash(todo, head)
            todo = todo.model_copy(update={"deleted_at": None, "version": todo.version + 1})
        return Written(todo, head.seq)

    async def empty_trash(self) -> tuple[Emptied, int]:
        """Remove the oldest of the trash for good; return how much went, and the number of the last change."""
        head = await self._todos.begin()
        removed = await self._todos.bury_trash(head, _now(), at_most=EMPTIED_AT_ONCE)
        return Emptied(removed=removed, remaining=head.trash), head.seq

    async def _found(self, todo_id: UUID) -> TodoPublic:
        todo = await self._todos.find(todo_id)
        if todo is None:
            raise TodoNotFound
        return todo


def _new(owner_id: str, wanted: TodoCreate, now: datetime) -> TodoPublic:
    return TodoPublic(
        user_id=owner_id,
        id=wanted.id or uuid7(),
        title=wanted.title,
        description=wanted.description,
        completed=wanted.completed,
        completed_at=now if wanted.completed else None,
        priority=wanted.priority,
        created_at=now,
        updated_at=now,
        version=1,
        deleted_at=None,
    )


def _require(todo: TodoPublic, condition: IfMatch, version: object) -> None:
    if version != todo.version or not condition.admits(todo.version):
        raise StaleVersion(current=todo.model_dump(mode="json"))


def _refuse_read_only(different: dict[str, object]) -> None:
    if refused := [name for name in READ_ONLY if name in different]:
        entries = [{"loc": ["body", name], "type": "read_only", "msg": "cannot be changed"} for name in refused]
        raise ReadOnlyField(f"Read-only: {', '.join(refused)}.", errors=entries)


def _merged(todo: TodoPublic, changes: dict[str, object], now: datetime) -> TodoPublic:
    """Return the todo as it is after `changes`; raise a 422 unless the whole is one that could have been created."""
    whole = {name: getattr(todo, name) for name in TodoCreate.model_fields if name != "id"} | changes
    try:
        TodoCreate.model_validate(whole)
    except ValidationError as error:
        raise validation_problem([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None
    derived: dict[str, object] = {"updated_at": now, "version": todo.version + 1}
    if "completed" in changes:
        derived["completed_at"] = now if changes["completed"] else None
    return todo.model_copy(update=changes | derived)


def _texts_of(todo: TodoPublic) -> Texts:
    """Return the columns by which the todo is found and sorted."""
    return {"search_text": search_text(todo.title, todo.description), "title_key": title_key(todo.title)}


def _now() -> datetime:
    """Return the time as it is stored and shown, to the millisecond."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
