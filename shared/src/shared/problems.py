"""Errors as problem details (RFC 9457): every refusal has a status, a stable `code` and a `detail` in words.

    Problem
    ├── BadRequest 400            MalformedJson, ConstraintViolation
    ├── Unauthorized 401          carries WWW-Authenticate
    ├── Forbidden 403
    ├── NotFound 404
    ├── MethodNotAllowed 405
    ├── Conflict 409
    ├── PreconditionFailed 412
    ├── BodyTooLarge 413
    ├── UnsupportedMediaType 415
    ├── Unprocessable 422         also what FastAPI's own validation becomes
    ├── InternalError 500
    └── Unavailable 503           Busy, DatabaseUnavailable, OutcomeUnknown; carries Retry-After

A feature subclasses one of these beside its routes, and names it in `responses=documents(…)`. Codes are listed in
docs/problems.md.
"""

import inspect
from collections.abc import Mapping
from typing import ClassVar

__all__ = [
    "BadRequest",
    "BodyTooLarge",
    "Busy",
    "Conflict",
    "ConstraintViolation",
    "DatabaseUnavailable",
    "Forbidden",
    "InternalError",
    "MalformedJson",
    "MethodNotAllowed",
    "NotFound",
    "OutcomeUnknown",
    "PreconditionFailed",
    "Problem",
    "Unauthorized",
    "Unavailable",
    "Unprocessable",
    "UnsupportedMediaType",
]


class Problem(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    always: ClassVar[Mapping[str, str]] = {}
    """Header fields of every such answer; an occurrence may give them other values."""

    def __init__(
        self, detail: str | None = None, *, headers: Mapping[str, str] | None = None, **members: object
    ) -> None:
        """Explain this occurrence in `detail` (default: the class's docstring); `members` extend the body."""
        self.detail = detail or inspect.cleandoc(self.__doc__ or self.title).partition("\n\n")[0]
        self.headers = {**self.always, **(headers or {})}
        self.members = members
        super().__init__(self.detail)

    def body(self, instance: str | None, request_id: str | None) -> dict[str, object]:
        """Return the members of RFC 9457 section 3.1, ours and this problem's own."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": request_id,
            **self.members,
        }


class BadRequest(Problem):
    """The request cannot be understood."""

    status, code, title = 400, "bad_request", "Bad request"


class MalformedJson(BadRequest):
    """The body is not valid JSON."""

    code, title = "malformed_json", "Malformed JSON"


class ConstraintViolation(BadRequest):
    """The database refused the values of this request."""

    code, title = "constraint_violation", "Constraint violation"


class Unauthorized(Problem):
    """The request carries no valid credentials."""

    status, code, title = 401, "unauthorized", "Unauthorized"
    # RFC 9110 section 15.5.2: no 401 without a challenge.
    always: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    """The credentials are valid but do not permit this."""

    status, code, title = 403, "forbidden", "Forbidden"


class NotFound(Problem):
    """Nothing is at this address."""

    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowed(Problem):
    """This address does not answer that method."""

    status, code, title = 405, "method_not_allowed", "Method not allowed"


class Conflict(Problem):
    """The request contradicts what is stored."""

    status, code, title = 409, "conflict", "Conflict"


class PreconditionFailed(Problem):
    """What is stored is not what the request was made for."""

    status, code, title = 412, "precondition_failed", "Precondition failed"


class BodyTooLarge(Problem):
    """The body is larger than this address takes."""

    status, code, title = 413, "body_too_large", "Body too large"


class UnsupportedMediaType(Problem):
    """The body must be JSON and say so: `Content-Type: application/json`."""

    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class Unprocessable(Problem):
    """A field or parameter is wrong."""

    status, code, title = 422, "validation_error", "Validation error"


class InternalError(Problem):
    """The server failed. It has been logged under this request id."""

    status, code, title = 500, "internal", "Internal error"


class Unavailable(Problem):
    """The service cannot answer for the moment. Try again soon."""

    status, code, title = 503, "unavailable", "Unavailable"
    # Seconds (RFC 9110 section 10.2.3).
    always: ClassVar[Mapping[str, str]] = {"Retry-After": "1"}


class Busy(Unavailable):
    """Too much is going on at once. Try again soon."""

    code, title = "busy", "Busy"


class DatabaseUnavailable(Unavailable):
    """The database cannot be reached for the moment. Nothing was changed."""

    code, title = "database_unavailable", "Database unavailable"


class OutcomeUnknown(Unavailable):
    """The connection broke while the change was stored: it may or may not have happened. Read before you repeat."""

    code, title = "outcome_unknown", "Outcome unknown"
