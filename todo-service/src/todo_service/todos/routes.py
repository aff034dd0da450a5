"""The routes of single todos."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from shared.entity_tags import is_known
from shared.problem_responses import documents
from todo_service.changes.errors import QuotaExceeded
from todo_service.changes.idempotency import IDEMPOTENCY_KEY, OF_KEYS, REPLAYED, Once
from todo_service.parameters import NoParameters, described, read_parameters
from todo_service.todos.conditions import etag
from todo_service.todos.dependencies import (
    ALWAYS,
    ETAG,
    OF_BODIES,
    OF_WRITES,
    PERSONAL,
    SYNC_SEQ,
    ForVersion,
    MyTodos,
    MyTodoService,
)
from todo_service.todos.errors import IdTaken, InvalidIfMatch, ReadOnlyField, StaleVersion, TodoNotFound
from todo_service.todos.query import Deletion
from todo_service.todos.schemas import Emptied, TodoCreate, TodoPatch, TodoPublic
from todo_service.todos.service import Written

__all__ = ["router"]

router = APIRouter()

LOCATION = {"Location": {"description": "Where the new todo is: `/todos/{id}`.", "schema": {"type": "string"}}}
OF_ONE = (TodoNotFound, StaleVersion, InvalidIfMatch)
WRITTEN = {"headers": {**ETAG, **SYNC_SEQ}}
RESTORED = {"headers": {**WRITTEN["headers"], **REPLAYED}}
CREATED = {"headers": {**LOCATION, **RESTORED["headers"]}}
IF_MATCH: dict[str, object] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of the version that this is made for; with another one stored, nothing is changed. "
    'It looks like `"3"`.',
    "schema": {"type": "string"},
}
MERGE_PATCH = {"schema": {"$ref": "#/components/schemas/TodoPatch"}}
NOT_MODIFIED = {"description": "You have this version: its `ETag` is in your `If-None-Match`.", "headers": ETAG}


async def wanted_deletion(request: Request) -> Deletion:
    """Return how to delete. Raises `Unprocessable`: a misspelt parameter must not choose the other way."""
    return read_parameters(Deletion, request.scope["query_string"])


async def without_parameters(request: Request) -> None:
    """Raise `Unprocessable` when there are parameters: who limits what to delete must not lose all of it."""
    read_parameters(NoParameters, request.scope["query_string"])


Wanted = Annotated[Deletion, Depends(wanted_deletion)]
"""How to delete, as the query parameters say."""


def _answer(written: Written, status_code: int = 200, **headers: str) -> Response:
    headers |= {"ETag": etag(written.todo.version), "X-Sync-Seq": str(written.seq)}
    return Response(written.todo.model_dump_json(), status_code, headers, media_type="application/json")


@router.post(
    "/todos",
    tags=["todos"],
    status_code=201,
    summary="Create a todo",
    response_description="The new todo",
    response_model=TodoPublic,
    responses={201: CREATED, **documents(*OF_BODIES, *OF_KEYS, IdTaken, QuotaExceeded)},
    openapi_extra={"parameters": [IDEMPOTENCY_KEY]},
)
async def create_todo(wanted: TodoCreate, todos: MyTodoService, once: Once) -> Response:
    """Create a todo. You get a mail about it."""

    async def create() -> Response:
        written = await todos.create(wanted)
        return _answer(written, 201, Location=f"/todos/{written.todo.id}")

    return await once.answer(wanted, create)


@router.get(
    "/todos/{todo_id}",
    tags=["todos"],
    summary="Read a todo",
    response_description="The todo",
    response_model=TodoPublic,
    responses={200: {"headers": ETAG}, 304: NOT_MODIFIED, **documents(*ALWAYS, TodoNotFound)},
)
@router.head("/todos/{todo_id}", response_model=TodoPublic, include_in_schema=False)
async def read_todo(todo_id: UUID, todos: MyTodos, request: Request, response: Response) -> TodoPublic | Response:
    """Return one of your todos. What is in the trash is not found here."""
    todo = await todos.get(todo_id)
    headers = {**PERSONAL, "ETag": etag(todo.version)}
    if is_known(request.headers.getlist("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return todo


@router.patch(
    "/todos/{todo_id}",
    tags=["todos"],
    summary="Change a todo",
    response_description="The todo as it is now",
    response_model=TodoPublic,
    responses={200: WRITTEN, **documents(*OF_BODIES, *OF_ONE, ReadOnlyField)},
    openapi_extra={
        "parameters": [IF_MATCH],
        "requestBody": {"content": {"application/merge-patch+json": MERGE_PATCH}},
    },
)
async def change_todo(todo_id: UUID, patch: TodoPatch, todos: MyTodoService, version: ForVersion) -> Response:
    """Change the fields that you send, and no others (RFC 7396)."""
    return _answer(await todos.change(todo_id, patch, version))


@router.delete(
    "/todos/{todo_id}",
    tags=["todos"],
    status_code=204,
    summary="Delete a todo",
    response_description="It is in the trash, or gone for good",
    responses={204: {"headers": SYNC_SEQ}, **documents(*OF_WRITES, *OF_ONE)},
    openapi_extra={"parameters": [IF_MATCH, *described(Deletion)]},
)
async def delete_todo(
    todo_id: UUID, todos: MyTodoService, version: ForVersion, wanted: Wanted, response: Response
) -> None:
    """Move one of your todos to the trash, from where it can be restored, or delete it for good."""
    remove = todos.remove_for_good if wanted.permanent else todos.remove
    response.headers["X-Sync-Seq"] = str(await remove(todo_id, version))


@router.post(
    "/todos/{todo_id}/restore",
    tags=["trash"],
    summary="Restore a todo",
    response_description="The todo, out of the trash",
    response_model=TodoPublic,
    responses={200: RESTORED, **documents(*OF_WRITES, *OF_ONE, *OF_KEYS, QuotaExceeded)},
    openapi_extra={"parameters": [IF_MATCH, IDEMPOTENCY_KEY]},
)
async def restore_todo(todo_id: UUID, todos: MyTodoService, version: ForVersion, once: Once) -> Response:
    """Take one of your todos out of the trash, as it was. One that is not there stays as it is."""

    async def restore() -> Response:
        return _answer(await todos.restore(todo_id, version))

    return await once.answer(None, restore)


@router.delete(
    "/trash",
    tags=["trash"],
    summary="Empty your trash",
    response_description="How many are gone, and how many are left",
    responses={200: {"headers": SYNC_SEQ}, **documents(*OF_WRITES)},
)
async def empty_trash(
    todos: MyTodoService, _: Annotated[None, Depends(without_parameters)], response: Response
) -> Emptied:
    """Delete what is in your trash for good, the oldest 10 000 at once."""
    emptied, seq = await todos.empty_trash()
    response.headers["X-Sync-Seq"] = str(seq)
    return emptied
