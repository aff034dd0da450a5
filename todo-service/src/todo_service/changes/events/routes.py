"""The routes under `/events`."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from shared.problem_responses import documents
from shared.problems import OutcomeUnknown
from shared.tokens import Principal, RevocationsStale
from todo_service.callers import OF_CALLERS, Reader, the_reader
from todo_service.changes.events.errors import TooManyStreams
from todo_service.changes.events.hub import EventHub
from todo_service.changes.events.streams import Stream
from todo_service.changes.tickets.errors import InvalidTicket
from todo_service.changes.tickets.service import LIFETIME, Tickets

__all__ = ["router"]

router = APIRouter(prefix="/events", tags=["changes"])

EVENT_ID = re.compile(r"[0-9]{1,19}")
"""As many digits as a number of PostgreSQL has: `int` refuses thousands of them."""

TICKET: dict[str, object] = {
    "name": "ticket",
    "in": "query",
    "required": False,
    "description": "From `POST /events/ticket`, for who cannot send `Authorization`.",
    "schema": {"type": "string"},
}
LAST_EVENT_ID: dict[str, object] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The id of the last event that you got.",
    "schema": {"type": "string"},
}
WITH_TOKEN_OR_TICKET: dict[str, Any] = {
    "security": [{"HTTPBearer": []}, {}],
    "parameters": [TICKET, LAST_EVENT_ID],
}
STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `change` with the newest `seq` as its data and id, `reauth` before the end "
        "when the token has expired or its session has ended. A comment every 15 seconds keeps the connection alive.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: change\ndata: {"seq":42}\nid: 42\n\n',
            }
        },
    }
}


class TicketPublic(BaseModel):
    """A ticket for `GET /events?ticket=`."""

    ticket: str
    expires_in: int = Field(description="Seconds within which it must be used, once.")


async def listener(request: Request) -> Principal:
    """Return who the ticket names, or else the token; raises as `Tickets.take` or as `the_reader` does."""
    ticket = request.query_params.get("ticket")
    if ticket is None:
        return await the_reader(request)
    tickets: Tickets = request.app.state.tickets
    user = await tickets.take(ticket)
    request.state.user_id = user.id
    structlog.contextvars.bind_contextvars(user=user.id)
    return user


async def my_stream(request: Request, user: Annotated[Principal, Depends(listener)]) -> AsyncIterator[Stream]:
    """Give the caller's stream until the answer has ended; raises as `EventHub.stream` does."""
    hub: EventHub = request.app.state.events
    last_event_id = request.headers.get("last-event-id", "")
    seen = int(last_event_id) if EVENT_ID.fullmatch(last_event_id) else None
    async with hub.stream(user, seen) as stream:
        yield stream


MyStream = Annotated[Stream, Depends(my_stream)]
"""A stream of the caller's events, open while it is answered. All that can refuse it happens before the answer."""


@router.get(
    "",
    summary="Hear of changes at once",
    response_class=EventSourceResponse,
    responses={**STREAMED, **documents(*OF_CALLERS, InvalidTicket, OutcomeUnknown, TooManyStreams)},
    openapi_extra=WITH_TOKEN_OR_TICKET,
)
async def stream_events(stream: MyStream) -> AsyncIterator[ServerSentEvent]:
    """Hear at once that something of yours has changed; then ask `GET /changes` what it is."""
    async for event in stream.events():
        yield event


@router.post(
    "/ticket",
    status_code=201,
    summary="Get a ticket for a stream",
    response_description="The ticket",
    responses=documents(*OF_CALLERS, OutcomeUnknown, RevocationsStale),
)
async def create_ticket(user: Reader, request: Request) -> TicketPublic:
    """Get a ticket that opens one stream of your events, for a browser's `EventSource`."""
    tickets: Tickets = request.app.state.tickets
    return TicketPublic(ticket=await tickets.give(user), expires_in=int(LIFETIME.total_seconds()))
