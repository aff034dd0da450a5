"""What FastAPI, Starlette and bugs raise, turned into problems."""

from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from shared.problem_responses import problem_response
from shared.problems import (
    BodyTooLarge,
    InternalError,
    MalformedJson,
    MethodNotAllowed,
    NotFound,
    Problem,
    UnsupportedMediaType,
)
from shared.validation import validation_problem

__all__ = ["install_problem_handlers"]

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
