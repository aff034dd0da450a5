"""What FastAPI, Starlette and bugs raise, turned into problems."""

import json
from collections.abc import Sequence
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from shared.problems import (
    BodyTooLarge,
    InternalError,
    MalformedJson,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unprocessable,
    UnsupportedMediaType,
    problem_response,
)

__all__ = ["install_problem_handlers", "validation_problem"]

SHOWN_FAULTS = 3
NAMED_FAULTS = 20
"""How many faults of a body are named. A body can have tens of thousands, whose answer would be ten times its size."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

FRAMEWORK: dict[int, type[Problem]] = {
    kind.status: kind for kind in (MalformedJson, NotFound, MethodNotAllowed, BodyTooLarge, UnsupportedMediaType)
}


def install_problem_handlers(app: FastAPI) -> None:
    """Let every error of `app` leave as a problem; call it once, in the composition root."""

    async def on_problem(request: Request, error: Problem) -> Response:
        return problem_response(error, request.scope)

    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        return problem_response(_of_request(error), request.scope)

    async def on_http(request: Request, error: HTTPException) -> Response:
        problem = _of_framework(error)
        if isinstance(problem, MethodNotAllowed):
            problem.headers["Allow"] = _allowed(request)
        return problem_response(problem, request.scope)

    async def on_bug(request: Request, _: Exception) -> Response:
        # Starlette raises it again behind this answer, and uvicorn logs it with its traceback.
        return problem_response(InternalError(), request.scope)

    app.add_exception_handler(Problem, on_problem)  # type: ignore[arg-type]  # Starlette types handlers contravariantly
    app.add_exception_handler(RequestValidationError, on_invalid)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, on_http)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, on_bug)


def validation_problem(errors: Sequence[dict[str, object]]) -> Unprocessable:
    """Return a 422 that names the wrong fields, the first 20, and repeats no value: a wrong one may be a password."""
    entries = [
        {"loc": _printable(error["loc"]), "type": error["type"], "msg": _printable(_plain(error["msg"]))}
        for error in errors[:NAMED_FAULTS]
    ]
    more = f"; and {len(errors) - SHOWN_FAULTS} more" if len(errors) > SHOWN_FAULTS else ""
    return Unprocessable("; ".join(map(_in_words, entries[:SHOWN_FAULTS])) + more, errors=entries)


def _plain(message: object) -> object:
    """Return what a validator of ours said, without pydantic's words around it."""
    return message.removeprefix("Value error, ") if isinstance(message, str) else message


def _of_request(error: RequestValidationError) -> Problem:
    errors = list(error.errors())
    for fault in errors:
        if fault["type"] == "json_invalid":
            return MalformedJson(f"The body is not valid JSON, from character {fault['loc'][-1]} on.")
    # FastAPI hands the body on as bytes when its Content-Type is absent or not JSON.
    if isinstance(error.body, bytes):
        return UnsupportedMediaType()
    return validation_problem(errors)


def _of_framework(error: HTTPException) -> Problem:
    if kind := FRAMEWORK.get(error.status_code):
        return kind(headers=error.headers)
    phrase = HTTPStatus(error.status_code).phrase
    members = {"status": error.status_code, "title": phrase, "code": phrase.lower().replace(" ", "_")}
    foreign: type[Problem] = type("ForeignProblem", (Problem,), members)
    return foreign(str(error.detail), headers=error.headers)


def _allowed(request: Request) -> str:
    """Return the methods of this path (RFC 9110 section 10.2.1); Starlette names only those of the first route."""
    routes: list[BaseRoute] = request.app.router.routes
    asked = ({**request.scope, "method": method} for method in METHODS)
    allowed = [scope["method"] for scope in asked if any(route.matches(scope)[0] is Match.FULL for route in routes)]
    return ", ".join(allowed)


def _printable(value: object) -> object:
    """Return `value` as JSON that any client can decode: a lone surrogate of the request is replaced."""
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()
    return json.loads(text)


def _in_words(entry: dict[str, object]) -> str:
    loc = entry["loc"]
    place = (
        ".".join(str(part) for part in loc if part not in {"body", "query", "path"}) if isinstance(loc, list) else ""
    )
    return f"{place or 'request'}: {entry['msg']}"
