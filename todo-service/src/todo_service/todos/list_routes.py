"""`GET /todos` and `GET /trash`, on the shortest way from a request to bytes."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from shared.problem_responses import documents
from todo_service.callers import Reader
from todo_service.parameters import described
from todo_service.todos.dependencies import ALWAYS, ETAG, PERSONAL
from todo_service.todos.direct import DirectRoute
from todo_service.todos.errors import CursorMismatch, InvalidCursor, SkipAndCursor
from todo_service.todos.lists import WantedPage
from todo_service.todos.query import TodoQuery, TrashQuery, read_query, read_trash_query
from todo_service.todos.schemas import TodoPublic

__all__ = ["router"]

router = APIRouter(route_class=DirectRoute, generate_unique_id_function=lambda route: route.name)

LIST_HEADERS = {
    **ETAG,
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
NOT_MODIFIED = {"description": "You have this page: its `ETag` is in your `If-None-Match`.", "headers": ETAG}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"headers": LIST_HEADERS},
    304: NOT_MODIFIED,
    **documents(*ALWAYS, SkipAndCursor, InvalidCursor, CursorMismatch),
}


async def wanted_page(request: Request) -> WantedPage:
    """Return the page that the query string asks for; raises as `read_query` does."""
    known = request.headers.getlist("if-none-match")
    return WantedPage(read_query(request.scope["query_string"]), known, request.app.state.pages)


Wanted = Annotated[WantedPage, Depends(wanted_page)]
"""Which page of which list the query parameters ask for. Getting it takes a database connection only on a miss."""


async def wanted_trash(request: Request) -> WantedPage:
    """Return the page of the trash that the query string asks for; raises as `read_trash_query` does."""
    known = request.headers.getlist("if-none-match")
    return WantedPage(read_trash_query(request.scope["query_string"]), known, request.app.state.pages)


WantedTrash = Annotated[WantedPage, Depends(wanted_trash)]
"""Which page of the trash the query parameters ask for."""


@router.get(
    "/todos",
    tags=["todos"],
    summary="List your todos",
    response_description="One page of them",
    response_model=list[TodoPublic],
    responses=RESPONSES,
    openapi_extra={"parameters": described(TodoQuery)},
)
@router.head("/todos", include_in_schema=False)
async def list_todos(user: Reader, wanted: Wanted) -> Response:
    """Return your todos, the newest first unless `sort` says otherwise, a page at a time."""
    return await _page_of(user.id, wanted)


@router.get(
    "/trash",
    tags=["trash"],
    summary="List your trash",
    response_description="One page of it",
    response_model=list[TodoPublic],
    responses=RESPONSES,
    openapi_extra={"parameters": described(TrashQuery)},
)
@router.head("/trash", include_in_schema=False)
async def list_trash(user: Reader, wanted: WantedTrash) -> Response:
    """Return what you have deleted, the latest first, a page at a time. After thirty days it is gone for good."""
    return await _page_of(user.id, wanted)


async def _page_of(user_id: str, wanted: WantedPage) -> Response:
    answer = await wanted.of(user_id)
    headers, page = {**PERSONAL, "ETag": answer.etag}, answer.page
    if page is None:
        return Response(status_code=304, headers=headers)
    if page.next_cursor is not None:
        headers |= {"X-Next-Cursor": page.next_cursor, "Link": wanted.query.link_to(page.next_cursor)}
    if page.total is not None:
        headers["X-Total-Count"] = str(page.total)
    if answer.is_known:
        return Response(status_code=304, headers=headers)
    return Response(page.body, headers=headers, media_type="application/json")
