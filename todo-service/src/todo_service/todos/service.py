"""What an owner does with their todos, one at a time: each call is a transaction."""

from dataclasses import dataclass
from uuid import UUID

from shared.tokens import Principal
from todo_service.notifications import todo_created
from todo_service.todos import rules
from todo_service.todos.conditions import IfMatch
from todo_service.todos.repository import TodoWrites
from todo_service.todos.schemas import Emptied, TodoCreate, TodoPatch, TodoPublic

__all__ = ["TodoService", "Written"]

EMPTIED_AT_ONCE = 10_000
"""How much of the trash one call removes: its transaction holds the owner's lock."""


@dataclass(frozen=True, slots=True)
class Written:
    """A todo after a write, and the number up to which the feed of changes shows it."""

    todo: TodoPublic
    seq: int


class TodoService:
    """The todos of one owner, to create and to change. Each call also raises what `Turn.begin` does."""

    def __init__(self, todos: TodoWrites, owner: Principal, *, notifies: bool) -> None:
        self._todos = todos
        self._owner = owner
        self._notifies = notifies

    async def create(self, wanted: TodoCreate) -> Written:
        """Store a new todo and the event that mails its owner; raises `IdTaken`, `QuotaExceeded`."""
        now = rules.time_of_change()
        todo = rules.new(self._owner.id, wanted, now)
        event = todo_created(self._owner, todo.id, todo.title, now) if self._notifies else None
        if wanted.id is None:
            return Written(todo, await self._todos.add(todo, event))
        head = await self._todos.begin()
        known = await self._todos.look_up([todo.id])
        rules.refuse_taken(known.todos.get(todo.id))
        if todo.id in known.gone:
            todo = rules.reborn(todo, head)
        await self._todos.add_named(todo, event, head)
        return Written(todo, head.seq)

    async def change(self, todo_id: UUID, patch: TodoPatch, condition: IfMatch) -> Written:
        """Apply what `patch` sets and return the todo; raises `TodoNotFound`, `StaleVersion` and `ReadOnlyField`.

        A patch that changes nothing writes nothing. Two that change different fields both survive.
        """
        head = await self._todos.begin()
        todo = await self._todos.find(todo_id)
        changed = rules.changed(todo, patch, condition, rules.time_of_change())
        if changed is not todo:
            await self._todos.save(changed, head)
        return Written(changed, head.seq)

    async def remove(self, todo_id: UUID, condition: IfMatch) -> int:
        """Move a live todo to the trash; return the number of this change. Raises `TodoNotFound`, `StaleVersion`."""
        head = await self._todos.begin()
        todo = await self._todos.find(todo_id)
        await self._todos.move(todo, rules.trashed(todo, condition, rules.time_of_change()), head)
        return head.seq

    async def remove_for_good(self, todo_id: UUID, condition: IfMatch) -> int:
        """Remove a todo, live or trashed, so that only a tombstone is left; else as `remove`."""
        head = await self._todos.begin()
        todo = rules.removable(await self._todos.find(todo_id), condition)
        await self._todos.bury(todo, head, rules.time_of_change())
        return head.seq

    async def restore(self, todo_id: UUID, condition: IfMatch) -> Written:
        """Take a todo out of the trash; one that is live stays as it is.

        Raises `TodoNotFound`, `StaleVersion` and `QuotaExceeded`.
        """
        head = await self._todos.begin()
        todo = await self._todos.find(todo_id)
        restored = rules.restored(todo, condition)
        if restored is not todo:
            await self._todos.move(todo, restored, head)
        return Written(restored, head.seq)

    async def empty_trash(self) -> tuple[Emptied, int]:
        """Remove the oldest of the trash for good; return how much went, and the number of the last change."""
        head = await self._todos.begin()
        removed = await self._todos.bury_trash(head, rules.time_of_change(), at_most=EMPTIED_AT_ONCE)
        return Emptied(removed=removed, remaining=head.trash), head.seq
