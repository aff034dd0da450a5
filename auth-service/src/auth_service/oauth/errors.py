"""Errors in OAuth's words: `error` for programs, `error_description` for who writes them (RFC 6749 section 5.2).

    OAuthError 400 ── InvalidRequest, InvalidGrant, InvalidScope, UnsupportedGrantType
    └── InvalidClient 401

What these words do not cover, from a path that is not there to a database that is away, stays a problem (decision
0004): clients go by its status, and RFC 7009 section 2.2.1 asks for no more.
"""

import inspect
from typing import ClassVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import Scope

__all__ = [
    "NO_STORE",
    "InvalidClient",
    "InvalidGrant",
    "InvalidRequest",
    "InvalidScope",
    "OAuthError",
    "UnsupportedGrantType",
    "documents_oauth",
    "install_oauth_errors",
]

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""What every answer with tokens says, and every refusal of one (RFC 6749 sections 5.1 and 5.2)."""


class OAuthError(Exception):
    """The request is refused."""

    status: ClassVar[int] = 400
    error: ClassVar[str]

    def __init__(self, description: str | None = None) -> None:
        """Explain this occurrence (default: the class's docstring), in ASCII without quotes and backslashes."""
        self.description = description or inspect.cleandoc(self.__doc__ or "")
        super().__init__(self.description)

    def response(self, scope: Scope) -> Response:
        """Return the answer to the request of `scope`, whose line in the log names the error."""
        scope.setdefault("state", {})["problem_code"] = self.error
        # RFC 9110 section 15.5.2: no 401 without a challenge.
        challenge = {"WWW-Authenticate": 'Basic realm="oauth"'} if self.status == 401 else {}
        body = {"error": self.error, "error_description": self.description}
        return JSONResponse(body, self.status, NO_STORE | challenge)


class InvalidRequest(OAuthError):
    """The body is no form, or a parameter is missing, repeated or malformed."""

    error = "invalid_request"


class InvalidClient(OAuthError):
    """The client is unknown, or its credentials are missing or wrong."""

    status, error = 401, "invalid_client"


class InvalidGrant(OAuthError):
    """The refresh token is unknown, used or expired, or its session has ended. Log in again."""

    error = "invalid_grant"


class InvalidScope(OAuthError):
    """The scope is unknown, or more than the session has."""

    error = "invalid_scope"


class UnsupportedGrantType(OAuthError):
    """The only grant is refresh_token. Log in at /auth/login."""

    error = "unsupported_grant_type"


def documents_oauth(*errors: type[OAuthError]) -> dict[int | str, dict[str, object]]:
    """Return the `responses=` of a route that can answer with `errors`, one entry a status."""
    statuses = sorted({kind.status for kind in errors})
    return {status: _documented([kind for kind in errors if kind.status == status]) for status in statuses}


def _documented(kinds: list[type[OAuthError]]) -> dict[str, object]:
    schema = {
        "title": "OAuthError",
        "type": "object",
        "required": ["error", "error_description"],
        "properties": {
            "error": {"type": "string", "enum": [kind.error for kind in kinds]},
            "error_description": {"type": "string"},
        },
    }
    words = " / ".join(f"`{kind.error}`: {inspect.cleandoc(kind.__doc__ or '')}" for kind in kinds)
    return {"description": words, "content": {"application/json": {"schema": schema}}}


def install_oauth_errors(app: FastAPI) -> None:
    """Let every `OAuthError` of `app` leave as JSON; call it once, in the composition root."""

    async def on_error(request: Request, error: OAuthError) -> Response:
        return error.response(request.scope)

    app.add_exception_handler(OAuthError, on_error)  # type: ignore[arg-type]  # Starlette types handlers contravariantly
