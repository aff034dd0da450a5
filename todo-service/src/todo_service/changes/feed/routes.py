"""The route `/changes`."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from shared.problem_responses import documents
from shared.problems import Unprocessable
from todo_service.callers import OF_CALLERS, Reader
from todo_service.changes.feed.errors import SyncReset
from todo_service.changes.feed.query import FeedQuery
from todo_service.changes.feed.schemas import Changes
from todo_service.changes.feed.service import WantedChanges
from todo_service.parameters import described, read_parameters
from todo_service.todos.direct import DirectRoute
from todo_service.todos.errors import InvalidCursor

__all__ = ["router"]

router = APIRouter(prefix="/changes", tags=["changes"], route_class=DirectRoute)

NOT_KEPT = {"Cache-Control": "private, no-store", "Vary": "Authorization"}
"""A change is applied once; a kept answer would only be an old one."""

PROBLEMS = (*OF_CALLERS, Unprocessable, InvalidCursor, SyncReset)


async def wanted_changes(request: Request) -> WantedChanges:
    """Return the changes that the query string asks for. Raises `Unprocessable`."""
    query = read_parameters(FeedQuery, request.scope["query_string"])
    return WantedChanges(query, request.app.state.database)


Wanted = Annotated[WantedChanges, Depends(wanted_changes)]
"""Since when, and how many, the query parameters ask for."""


@router.get(
    "",
    summary="Read what has changed",
    response_description="The next changes, and where to go on",
    response_model=Changes,
    responses=documents(*PROBLEMS),
    openapi_extra={"parameters": described(FeedQuery)},
)
@router.head("", include_in_schema=False)
async def list_changes(user: Reader, wanted: Wanted) -> Response:
    """Return what has changed since your token, or everything without one, in the order of the changes.

    Apply each change, keep `next` with your copy, and go on with it: an acknowledged write of yours is in the next
    answer, and nothing is left out, whoever writes at the same moment. After 410 begin anew without `since`.
    """
    return Response(await wanted.of(user.id), headers=NOT_KEPT, media_type="application/json")
