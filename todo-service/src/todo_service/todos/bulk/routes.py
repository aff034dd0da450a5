"""The route of bulks."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request, Response
from fastapi.openapi.models import Example

from shared.problem_responses import documents
from shared.problems import MethodNotAllowed
from shared.request_session import SessionDep
from todo_service.callers import Writer
from todo_service.changes.dependencies import MyTurn
from todo_service.changes.errors import QuotaExceeded
from todo_service.changes.idempotency import IDEMPOTENCY_KEY, OF_KEYS, REPLAYED, Once
from todo_service.todos.bulk.errors import BulkFailed
from todo_service.todos.bulk.repository import BulkWrites
from todo_service.todos.bulk.schemas import Bulk, BulkAnswer
from todo_service.todos.bulk.service import BulkService
from todo_service.todos.dependencies import OF_BODIES, SYNC_SEQ

__all__ = ["PATH", "router"]

router = APIRouter(tags=["todos"])

PATH = "/todos/bulk"
OTHER_METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")

HEADERS = {**SYNC_SEQ, **REPLAYED}
ATOMIC = {"description": "`atomic`: all operations are done.", "headers": HEADERS}
INDEPENDENT = {
    "description": "`independent`: what became of each operation, done or refused.",
    "model": BulkAnswer,
    "headers": HEADERS,
}
MILK, CALL = "0b9c6b3e-5d0e-4c55-9d3f-1f6d3f2a7c01", "6f2f1a52-6d0b-4a86-9a3e-6f1d5d8f4c11"
EXAMPLES: dict[str, Example] = {
    "atomic": {
        "summary": "All or nothing: two new todos",
        "value": {
            "operations": [
                {"op": "create", "id": MILK, "data": {"title": "Buy milk"}},
                {"op": "create", "data": {"title": "Call grandma", "priority": 5}},
            ]
        },
    },
    "independent": {
        "summary": "The queue of a device that was offline",
        "value": {
            "mode": "independent",
            "operations": [
                {"op": "create", "id": CALL, "data": {"title": "Call grandma"}},
                {"op": "update", "id": CALL, "if_match": 1, "data": {"completed": True}},
                {"op": "delete", "id": MILK, "if_match": 1, "permanent": False},
                {"op": "restore", "id": MILK, "if_match": 2},
            ],
        },
    },
}


async def bulk_service(request: Request, session: SessionDep, user: Writer, turn: MyTurn) -> BulkService:
    """Return what the caller does with many todos at once."""
    notifies = request.app.state.settings.notify_todo_created == "on"
    return BulkService(BulkWrites(session, user.id, turn), user, notifies=notifies)


MyBulk = Annotated[BulkService, Depends(bulk_service)]
"""What the caller does with many of their own todos at once. The scope is `todos:write`, or none."""


@router.post(
    PATH,
    summary="Write many todos at once",
    response_model=BulkAnswer,
    responses={200: ATOMIC, 207: INDEPENDENT, **documents(*OF_BODIES, *OF_KEYS, BulkFailed, QuotaExceeded)},
    openapi_extra={"parameters": [IDEMPOTENCY_KEY]},
)
async def write_todos(bulk: Annotated[Bulk, Body(openapi_examples=EXAMPLES)], todos: MyBulk, once: Once) -> Response:
    """Do up to 100 writes in their order, in one transaction. Each sees what those before it have left.

    `atomic` (the default) does all of them, 200, or none: 422 `bulk_failed`, whose `errors` has an entry `{index,
    status, code, detail}` for each operation that cannot be done, with the further members that its problem has
    (`current`, `errors` …). `independent` does whichever can be done, 207: each result has the `status` of the single
    call, with its `todo` or its `problem`.

    What is wrong with the bulk itself, `op`, `id`, `if_match` and `permanent` included, is a 422 `validation_error` of
    the whole. A `data` is judged as the single call judges its body, and what is wrong with it is that operation's
    problem, where `loc` begins at this `data`: `["body", "title"]`.

    Its new todos are one mail. The body may have 512 KiB.
    """

    async def write() -> Response:
        written = await todos.run(bulk)
        status, headers = 200 if bulk.mode == "atomic" else 207, {"X-Sync-Seq": str(written.seq)}
        content = written.answer.model_dump_json(exclude_unset=True)
        return Response(content, status, headers, media_type="application/json")

    return await once.answer(bulk, write)


@router.api_route(PATH, methods=[*OTHER_METHODS], include_in_schema=False)
async def refuse_method() -> None:
    """Refuse what is not POST; the routes of single todos would take `bulk` for an id that is none."""
    raise MethodNotAllowed(headers={"Allow": "POST"})
