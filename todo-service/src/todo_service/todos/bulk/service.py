"""What an owner does with many todos at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.logging import current_request_id
from shared.problems import Problem
from shared.tokens import Principal
from todo_service.notifications import todos_created
from todo_service.todos import rules
from todo_service.todos.bulk.draft import Done, Draft
from todo_service.todos.bulk.errors import BulkFailed
from todo_service.todos.bulk.repository import BulkWrites
from todo_service.todos.bulk.schemas import Bulk, BulkAnswer, Operation, OperationProblem, OperationResult

__all__ = ["BulkService", "BulkWritten"]


@dataclass(frozen=True, slots=True)
class BulkWritten:
    """What became of each operation, and the number up to which the feed of changes shows it."""

    answer: BulkAnswer
    seq: int


class BulkService:
    """The todos of one owner, to write many of them in one transaction."""

    def __init__(self, todos: BulkWrites, owner: Principal, *, notifies: bool) -> None:
        self._todos = todos
        self._owner = owner
        self._notifies = notifies

    async def run(self, bulk: Bulk) -> BulkWritten:
        """Do the operations in their order, and store what they leave.

        Raises `BulkFailed` of an atomic bulk, and as `Turn.begin` does.
        """
        head = await self._todos.begin()
        named = {todo_id for operation in bulk.operations if (todo_id := operation.named_id) is not None}
        known, now = await self._todos.look_up(named), rules.time_of_change()
        draft = Draft(self._owner.id, known.todos, known.gone, head=head, quota=self._todos.quota, now=now)
        outcomes = [_outcome(draft, operation) for operation in bulk.operations]
        if bulk.mode == "atomic":
            _refuse_failures(outcomes)
        if draft.changes:
            await self._store(draft)
        results = map(_result, range(len(outcomes)), bulk.operations, outcomes)
        return BulkWritten(BulkAnswer(results=list(results)), head.seq)

    async def _store(self, draft: Draft) -> None:
        titles = {todo.id: todo.title for todo in draft.created()}
        event = todos_created(self._owner, titles, draft.now) if self._notifies else None
        await self._todos.store(draft, event)


def _outcome(draft: Draft, operation: Operation) -> Done | Problem:
    try:
        return draft.do(operation)
    except Problem as problem:
        return problem


def _refuse_failures(outcomes: Sequence[Done | Problem]) -> None:
    errors = [
        {"index": index, "status": outcome.status, "code": outcome.code, "detail": outcome.detail, **outcome.members}
        for index, outcome in enumerate(outcomes)
        if isinstance(outcome, Problem)
    ]
    if errors:
        raise BulkFailed(f"{len(errors)} of {len(outcomes)} operations cannot be done, so none was.", errors=errors)


def _result(index: int, operation: Operation, outcome: Done | Problem) -> OperationResult:
    result = OperationResult(index=index, op=operation.op, id=operation.named_id, status=outcome.status)
    if isinstance(outcome, Problem):
        result.problem = OperationProblem.model_validate(outcome.body(None, current_request_id()))
    else:
        result.id = outcome.id
        if outcome.todo is not None:
            result.todo = outcome.todo
    return result
