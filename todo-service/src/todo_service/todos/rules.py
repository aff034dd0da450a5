"""The rules of todos, without I/O: what becomes of one when it is created, changed, deleted and restored.

Single calls and those in bulk ask here, so that they cannot differ.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from pydantic import ValidationError

from shared.ids import uuid7
from shared.validation import validation_problem
from todo_service.changes.counter import Head
from todo_service.changes.turns import Quota
from todo_service.todos.conditions import IfMatch
from todo_service.todos.errors import IdTaken, ReadOnlyField, StaleVersion, TodoNotFound
from todo_service.todos.schemas import READ_ONLY, TodoCreate, TodoPatch, TodoPublic
from todo_service.todos.search import search_text, title_key

__all__ = [
    "Texts",
    "changed",
    "count",
    "new",
    "reborn",
    "refuse_taken",
    "removable",
    "restored",
    "texts_of",
    "time_of_change",
    "trashed",
]

Texts: TypeAlias = Mapping[str, str]
"""The columns by which a todo is found and sorted."""


def new(owner_id: str, wanted: TodoCreate, now: datetime) -> TodoPublic:
    """Return the todo that is `wanted`; without an id of the client's it gets one."""
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


def reborn(todo: TodoPublic, head: Head) -> TodoPublic:
    """Return a new todo as it is under the id of one that is gone for good.

    Each version took a number of the counter, so the next number is a version that the other cannot have had: who still
    holds one of its entity tags is told that it is stale.
    """
    return todo.model_copy(update={"version": head.seq + 1})


def refuse_taken(todo: TodoPublic | None) -> None:
    """Raise `IdTaken` when there is a todo with the id of a new one, be it in the trash."""
    if todo is not None:
        raise IdTaken(current=todo.model_dump(mode="json"))


def changed(todo: TodoPublic | None, patch: TodoPatch, condition: IfMatch, now: datetime) -> TodoPublic:
    """Return the todo with what `patch` sets; the same object when that is what it has.

    Raises `TodoNotFound`, `StaleVersion`, `ReadOnlyField`, and a 422 when the whole is none that could be created.
    """
    todo = _live(todo)
    sent = patch.model_dump(exclude_unset=True)
    _require(todo, condition, sent.pop("version", todo.version))
    different = {name: value for name, value in sent.items() if getattr(todo, name) != value}
    _refuse_read_only(different)
    return _merged(todo, different, now) if different else todo


def trashed(todo: TodoPublic | None, condition: IfMatch, now: datetime) -> TodoPublic:
    """Return a live todo as it is in the trash; raises `TodoNotFound`, `StaleVersion`."""
    todo = _live(todo)
    _require(todo, condition, todo.version)
    return todo.model_copy(update={"deleted_at": now, "version": todo.version + 1})


def removable(todo: TodoPublic | None, condition: IfMatch) -> TodoPublic:
    """Return the todo, live or trashed, if it may go for good; raises `TodoNotFound`, `StaleVersion`."""
    if todo is None:
        raise TodoNotFound
    _require(todo, condition, todo.version)
    return todo


def restored(todo: TodoPublic | None, condition: IfMatch) -> TodoPublic:
    """Return the todo as it is outside the trash; the same object when it is there already.

    Raises `TodoNotFound`, `StaleVersion`.
    """
    todo = removable(todo, condition)
    if todo.deleted_at is None:
        return todo
    return todo.model_copy(update={"deleted_at": None, "version": todo.version + 1})


def count(head: Head, before: TodoPublic | None, after: TodoPublic | None, quota: Quota) -> None:
    """Keep the counts of `head` right when a todo becomes another; None stands for none. Raises `QuotaExceeded`."""
    if _is_live(after) and not _is_live(before):
        head.require_room(quota, rows=before is None)
    head.live += _is_live(after) - _is_live(before)
    head.trash += _is_trashed(after) - _is_trashed(before)


def texts_of(todo: TodoPublic) -> Texts:
    """Return the columns by which the todo is found and sorted."""
    return {"search_text": search_text(todo.title, todo.description), "title_key": title_key(todo.title)}


def time_of_change() -> datetime:
    """Return the time as it is stored and shown, to the millisecond."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _live(todo: TodoPublic | None) -> TodoPublic:
    if todo is None or todo.deleted_at is not None:
        raise TodoNotFound
    return todo


def _require(todo: TodoPublic, condition: IfMatch, version: object) -> None:
    if version != todo.version or not condition.admits(todo.version):
        raise StaleVersion(current=todo.model_dump(mode="json"))


def _refuse_read_only(different: Mapping[str, object]) -> None:
    if refused := [name for name in READ_ONLY if name in different]:
        entries = [{"loc": ["body", name], "type": "read_only", "msg": "cannot be changed"} for name in refused]
        raise ReadOnlyField(f"Read-only: {', '.join(refused)}.", errors=entries)


def _merged(todo: TodoPublic, changes: dict[str, object], now: datetime) -> TodoPublic:
    whole = {name: getattr(todo, name) for name in TodoCreate.model_fields if name != "id"} | changes
    try:
        TodoCreate.model_validate(whole)
    except ValidationError as error:
        raise validation_problem([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None
    derived: dict[str, object] = {"updated_at": now, "version": todo.version + 1}
    if "completed" in changes:
        derived["completed_at"] = now if changes["completed"] else None
    return todo.model_copy(update=changes | derived)


def _is_live(todo: TodoPublic | None) -> bool:
    return todo is not None and todo.deleted_at is None


def _is_trashed(todo: TodoPublic | None) -> bool:
    return todo is not None and todo.deleted_at is not None
