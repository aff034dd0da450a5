"""What todos become by the operations of a bulk, decided in memory. Nothing is stored here."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.validation import validation_problem
from todo_service.changes.counter import Head
from todo_service.changes.turns import Quota
from todo_service.todos import rules
from todo_service.todos.bulk.schemas import (
    CreateOperation,
    DeleteOperation,
    Operation,
    RestoreOperation,
    UpdateOperation,
)
from todo_service.todos.schemas import TodoCreate, TodoPublic

__all__ = ["Change", "Done", "Draft"]


@dataclass(frozen=True, slots=True)
class Change:
    """The latest change of a todo: what it has become, None when it is gone for good, and the number of it."""

    todo: TodoPublic | None
    seq: int


@dataclass(frozen=True, slots=True)
class Done:
    """What a single call would have answered: its status, and the todo that it left if it shows one."""

    status: int
    id: UUID
    todo: TodoPublic | None = None


@dataclass(slots=True)
class Draft:
    """The todos that a bulk names, as its operations leave them one after the other.

    Each operation sees what those before it have left, and takes its number from `head`, as single calls would. One
    that is refused leaves no trace.
    """

    owner_id: str
    todos: dict[UUID, TodoPublic]
    """At first, as they are stored."""
    gone: set[UUID]
    """The ids of those that are gone for good."""
    head: Head
    quota: Quota
    now: datetime
    changes: dict[UUID, Change] = field(init=False, default_factory=dict)
    _created: dict[UUID, None] = field(init=False, default_factory=dict)

    def do(self, operation: Operation) -> Done:
        """Do one operation; raises what the single call raises."""
        match operation:
            case CreateOperation():
                return self._create(operation)
            case UpdateOperation():
                return self._update(operation)
            case DeleteOperation():
                return self._delete(operation)
            case RestoreOperation():
                return self._restore(operation)

    def created(self) -> list[TodoPublic]:
        """Return the todos that are new, in the order of their creation, as they are now.

        What has come and gone again within the bulk is not among them: nobody will ever see it.
        """
        return [self.todos[todo_id] for todo_id in self._created if todo_id in self.todos]

    def _create(self, operation: CreateOperation) -> Done:
        todo = rules.new(self.owner_id, _named(operation.data.accepted(), operation.id), self.now)
        rules.refuse_taken(self.todos.get(todo.id))
        if todo.id in self.gone:
            todo = rules.reborn(todo, self.head)
        self._become(todo.id, todo)
        # Last, also when one with this id had been created and removed before.
        self._created.pop(todo.id, None)
        self._created[todo.id] = None
        return Done(201, todo.id, todo)

    def _update(self, operation: UpdateOperation) -> Done:
        patch = operation.data.accepted()
        todo = rules.changed(self.todos.get(operation.id), patch, operation.condition, self.now)
        self._become(operation.id, todo)
        return Done(200, operation.id, todo)

    def _delete(self, operation: DeleteOperation) -> Done:
        todo = self.todos.get(operation.id)
        if operation.permanent:
            rules.removable(todo, operation.condition)
            self._become(operation.id, None)
        else:
            self._become(operation.id, rules.trashed(todo, operation.condition, self.now))
        return Done(204, operation.id)

    def _restore(self, operation: RestoreOperation) -> Done:
        todo = rules.restored(self.todos.get(operation.id), operation.condition)
        self._become(operation.id, todo)
        return Done(200, operation.id, todo)

    def _become(self, todo_id: UUID, after: TodoPublic | None) -> None:
        before = self.todos.get(todo_id)
        if after is before:
            return
        rules.count(self.head, before, after, self.quota)
        self.changes[todo_id] = Change(after, self.head.take())
        if after is None:
            del self.todos[todo_id]
            self.gone.add(todo_id)
        else:
            self.todos[todo_id] = after


def _named(wanted: TodoCreate, todo_id: UUID | None) -> TodoCreate:
    """Return `wanted` with the id of its operation; raise a 422 when it has another one itself."""
    if todo_id is None:
        return wanted
    if wanted.id not in {None, todo_id}:
        msg = "must be the operation's, or be left out"
        raise validation_problem([{"loc": ("body", "id"), "type": "ids_differ", "msg": msg}])
    return wanted.model_copy(update={"id": todo_id})
