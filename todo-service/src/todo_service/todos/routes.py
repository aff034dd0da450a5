"""The routes under `/todos`, each with and without a trailing slash: a redirect would lose CORS and show a port."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from shared.caller import CALLER_PROBLEMS, InsufficientScope, require_scope
from shared.database import Session, SessionDep
from shared.problems import (
    BodyTooLarge,
    Busy,
    ConstraintViolation,
    DatabaseUnavailable,
    MalformedJson,
    OutcomeUnknown,
    Unprocessable,
    UnsupportedMediaType,
    documents,
)
from shared.tokens import Principal
from todo_service.parameters import described
from todo_service.todos.direct import DirectRoute
from todo_service.todos.errors import CursorMismatch, IdTaken, InvalidCursor, ReadOnlyField, SkipAndCursor, TodoNotFound
from todo_service.todos.query import TodoQuery, read_query
from todo_service.todos.repository import TodoRepository
from todo_service.todos.schemas import TodoCreate, TodoPatch, TodoPublic
from todo_service.todos.service import TodoPages, TodoService, WantedPage

__all__ = ["lists", "router"]

router = APIRouter(prefix="/todos", tags=["todos"])
lists = APIRouter(prefix="/todos", tags=["todos"], route_class=DirectRoute)

PERSONAL = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
"""Headers of what only the caller may see again, and only after asking."""

ALWAYS = (*CALLER_PROBLEMS, InsufficientScope, Unprocessable, Busy, DatabaseUnavailable)
OF_WRITES = (*ALWAYS, OutcomeUnknown, ConstraintViolation)
OF_BODIES = (*OF_WRITES, MalformedJson, BodyTooLarge, UnsupportedMediaType)

LIST_HEADERS = {
    "X-Next-Cursor": {
        "description": "The `cursor` of the next page. Absent on the last one.",
        "schema": {"type": "string"},
    },
    "Link": {
        "description": 'The next page as a relative reference, `rel="next"` (RFC 8288). Absent on the last one.',
        "schema": {"type": "string"},
    },
    "X-Total-Count": {
        "description": "With `count=exact`: how many todos match, on all pages together.",
        "schema": {"type": "integer"},
    },
}
LOCATION = {"Location": {"description": "Where the new todo is: `/todos/{id}`.", "schema": {"type": "string"}}}
MERGE_PATCH = {"schema": {"$ref": "#/components/schemas/TodoPatch"}}

Reader = Annotated[Principal, Depends(require_scope("todos:read"))]
"""The caller, who may read todos."""

Writer = Annotated[Principal, Depends(require_scope("todos:write"))]
"""The caller, who may change todos."""


async def wanted_page(request: Request) -> WantedPage:
    """Return the page that the query string asks for."""
    return WantedPage(read_query(request.scope["query_string"]), request.app.state.pages)


Wanted = Annotated[WantedPage, Depends(wanted_page)]
"""Which page of which list the query parameters ask for. Getting it takes a database connection only on a miss."""


async def readable_todos(request: Request, session: SessionDep, user: Reader) -> TodoRepository:
    """Return the caller's todos."""
    return _todos_of(request, session, user)


async def writable_todos(request: Request, session: SessionDep, user: Writer) -> TodoRepository:
    """Return the caller's todos."""
    return _todos_of(request, session, user)


MyTodos = Annotated[TodoRepository, Depends(readable_todos)]
"""The caller's own todos. Asking for them requires a valid access token with the scope `todos:read`, or with none."""

MyWritableTodos = Annotated[TodoRepository, Depends(writable_todos)]
"""The same, to be changed: the scope is `todos:write`."""


async def todo_service(request: Request, session: SessionDep, user: Writer) -> TodoService:
    """Return what the caller does with their todos."""
    notifies = request.app.state.settings.notify_todo_created == "on"
    return TodoService(_todos_of(request, session, user), user, notifies=notifies)


MyTodoService = Annotated[TodoService, Depends(todo_service)]
"""What the caller does with their own todos, with the rules of it."""


def _todos_of(request: Request, session: Session, user: Principal) -> TodoRepository:
    pages: TodoPages = request.app.state.pages
    return TodoRepository(session, user.id, clear_pages=lambda: pages.clear(user.id))


@lists.get(
    "",
    response_model=list[TodoPublic],
    responses={200: {"headers": LIST_HEADERS}, **documents(*ALWAYS, SkipAndCursor, InvalidCursor, CursorMismatch)},
    openapi_extra={"parameters": described(TodoQuery)},
)
@lists.get("/", include_in_schema=False)
async def list_todos(user: Reader, wanted: Wanted) -> Response:
    """Return your todos, the newest first unless `sort` says otherwise, a page at a time."""
    page = await wanted.of(user.id)
    headers = dict(PERSONAL)
    if page.next_cursor is not None:
        headers |= {"X-Next-Cursor": page.next_cursor, "Link": wanted.query.link_to(page.next_cursor)}
    if page.total is not None:
        headers["X-Total-Count"] = str(page.total)
    return Response(page.body, headers=headers, media_type="application/json")


@router.post("", status_code=201, responses={201: {"headers": LOCATION}, **documents(*OF_BODIES, IdTaken)})
@router.post("/", status_code=201, include_in_schema=False)
async def create_todo(wanted: TodoCreate, todos: MyTodoService, response: Response) -> TodoPublic:
    """Create a todo. You get a mail about it."""
    todo = await todos.create(wanted)
    response.headers["Location"] = f"/todos/{todo.id}"
    return todo


@router.get("/{todo_id}", responses=documents(*ALWAYS, TodoNotFound))
@router.get("/{todo_id}/", include_in_schema=False)
async def read_todo(todo_id: UUID, todos: MyTodos, response: Response) -> TodoPublic:
    """Return one of your todos."""
    response.headers.update(PERSONAL)
    return TodoPublic.model_validate(await todos.get(todo_id))


@router.patch(
    "/{todo_id}",
    responses=documents(*OF_BODIES, TodoNotFound, ReadOnlyField),
    openapi_extra={"requestBody": {"content": {"application/merge-patch+json": MERGE_PATCH}}},
)
@router.patch("/{todo_id}/", include_in_schema=False)
async def change_todo(todo_id: UUID, patch: TodoPatch, todos: MyTodoService) -> TodoPublic:
    """Change the fields that you send, and no others (RFC 7396)."""
    return TodoPublic.model_validate(await todos.change(todo_id, patch))


@router.delete("/{todo_id}", status_code=204, responses=documents(*OF_WRITES, TodoNotFound))
@router.delete("/{todo_id}/", status_code=204, include_in_schema=False)
async def delete_todo(todo_id: UUID, todos: MyWritableTodos) -> None:
    """Delete one of your todos."""
    await todos.remove(todo_id)
