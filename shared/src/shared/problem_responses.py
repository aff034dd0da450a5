"""Problems as answers, and as what the documents of an API say of them."""

import inspect
import json
from collections import defaultdict

from starlette.responses import Response
from starlette.types import Scope

from shared.logging import current_request_id
from shared.problems import Problem

__all__ = ["documents", "problem_response"]

MEDIA_TYPE = "application/problem+json"


def problem_response(problem: Problem, scope: Scope) -> Response:
    """Return `problem` as an answer to the request of `scope`, which it names."""
    request_id = current_request_id()
    scope.setdefault("state", {})["problem_code"] = problem.code
    headers = {"Cache-Control": "no-store", **problem.headers}
    if request_id:
        # The answer to a bug is made outside the request log, which else adds this field.
        headers["X-Request-Id"] = request_id
    body = json.dumps(problem.body(scope.get("path"), request_id), ensure_ascii=True, default=str)
    return Response(body, problem.status, headers, media_type=MEDIA_TYPE)


def documents(*problems: type[Problem]) -> dict[int | str, dict[str, object]]:
    """Return the `responses=` of a route that can answer with `problems`, one entry a status."""
    by_status: defaultdict[int, list[type[Problem]]] = defaultdict(list)
    for problem in problems:
        by_status[problem.status].append(problem)
    return {status: _documented(kinds) for status, kinds in sorted(by_status.items())}


def _documented(kinds: list[type[Problem]]) -> dict[str, object]:
    codes = [kind.code for kind in kinds]
    schema = {
        "title": "Problem",
        "type": "object",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer", "const": kinds[0].status},
            "detail": {"type": "string"},
            "instance": {"type": ["string", "null"]},
            "code": {"type": "string", "enum": codes},
            "request_id": {"type": ["string", "null"]},
        },
    }
    words = " / ".join(f"`{kind.code}`: {inspect.cleandoc(kind.__doc__ or kind.title)}" for kind in kinds)
    return {"description": words, "content": {MEDIA_TYPE: {"schema": schema}}}
