"""How large a request's body may be."""

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.problem_responses import problem_response
from shared.problems import BadRequest, BodyTooLarge, Problem

__all__ = ["BodyLimit"]

# As many as a number of 64 bits has; Python reads none of more than 4300.
MAX_LENGTH_DIGITS = 20


class BodyLimit:
    """Refuse bodies over `max_bytes` with 413: by their declared length before a byte is read, else while counting.

    `of_paths` names the paths that take another number.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, of_paths: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._of_paths = of_paths or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        max_bytes = self._of_paths.get(scope["path"], self._max_bytes)
        if (refusal := _refusal(Headers(scope=scope), max_bytes)) is not None:
            await problem_response(refusal, scope)(scope, receive, send)
            return
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                # FastAPI lets this class alone through its body parser; `faults` makes a problem of it.
                raise HTTPException(BodyTooLarge.status)
            return message

        await self._app(scope, counted_receive, send)


def _refusal(headers: Headers, max_bytes: int) -> Problem | None:
    """Return what is wrong with a body as its request announces it, None when nothing is."""
    if "upgrade" in headers.get("connection", "").lower() and _announces_body(headers):
        # The parser never delivers that body, and would take it for the next request.
        return BadRequest("A request with a body must not offer an upgrade.", headers={"Connection": "close"})
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > MAX_LENGTH_DIGITS or int(declared) > max_bytes:
        # The rest of the body is not read, so the connection cannot be used again.
        detail = f"The body is larger than the {max_bytes} bytes that this address takes."
        return BodyTooLarge(detail, headers={"Connection": "close"})
    return None


def _announces_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
