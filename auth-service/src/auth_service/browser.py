"""What concerns browsers: cookies, above all the refresh token's, and the rule against cross-site requests."""

from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Header, Request, Response

from auth_service.settings import AuthSettings
from shared.problems import (
    BodyTooLarge,
    Busy,
    DatabaseUnavailable,
    Forbidden,
    MalformedJson,
    OutcomeUnknown,
    Unprocessable,
    UnsupportedMediaType,
)

__all__ = [
    "BODY_PROBLEMS",
    "BROWSER_PROBLEMS",
    "SETS_COOKIE",
    "AskedDelivery",
    "CrossSite",
    "Delivery",
    "HostCookie",
    "RefreshCookie",
    "RefreshCookieDep",
    "refuse_cross_site",
]


class Delivery(StrEnum):
    """How a session's refresh token travels. It is fixed when the session opens."""

    COOKIE = "cookie"
    BODY = "body"


class CrossSite(Forbidden):
    """The request comes from a page of another site, and may not use this browser's cookie."""

    code, title = "csrf", "Cross-site request refused"


BODY_PROBLEMS = (
    *(UnsupportedMediaType, MalformedJson, BodyTooLarge, Unprocessable),
    *(Busy, DatabaseUnavailable, OutcomeUnknown),
)
"""What every route that takes JSON can answer, for `responses=documents(*BODY_PROBLEMS)`."""

BROWSER_PROBLEMS = (CrossSite, *BODY_PROBLEMS)
"""What every route that takes a browser's JSON can answer."""

SETS_COOKIE: dict[str, object] = {
    "headers": {
        "Set-Cookie": {
            "description": "The refresh token of a cookie session: `HttpOnly`, for this host only.",
            "schema": {"type": "string"},
        }
    }
}
"""What the documentation says of an answer that sets or clears the cookie."""


class HostCookie:
    """A cookie for this host alone: no script reads it, and no other site's page sends it.

    Behind an http PUBLIC_URL it is neither `Secure` nor `__Host-`, because Safari drops such ones on localhost.
    """

    def __init__(self, settings: AuthSettings, name: str) -> None:
        is_encrypted = settings.is_encrypted
        self.name = f"__Host-{name}" if is_encrypted else name
        flags = ["Path=/", "HttpOnly", f"SameSite={settings.cookie_samesite.title()}"]
        flags += ["Secure"] if is_encrypted else []
        # A cookie for a page of another site is kept apart for each top-level site, or browsers would block it.
        flags += ["Partitioned"] if settings.cookie_samesite == "none" else []
        self._flags = "; ".join(flags)

    def read(self, request: Request) -> str | None:
        """Return the value that came with `request`, if one did."""
        return request.cookies.get(self.name)

    def set(self, response: Response, value: str, seconds: int) -> None:
        """Let `response` store `value` for `seconds`."""
        response.headers.append("Set-Cookie", f"{self.name}={value}; Max-Age={seconds}; {self._flags}")

    def clear(self, response: Response) -> None:
        """Let `response` remove the cookie."""
        self.set(response, "", 0)


class RefreshCookie(HostCookie):
    """The cookie that holds a refresh token."""

    def __init__(self, settings: AuthSettings) -> None:
        super().__init__(settings, "todo_rt")


async def refresh_cookie(request: Request) -> RefreshCookie:
    """Return the cookie as the settings shape it."""
    cookie: RefreshCookie = request.app.state.refresh_cookie
    return cookie


RefreshCookieDep = Annotated[RefreshCookie, Depends(refresh_cookie)]
"""The refresh token's cookie."""


async def asked_delivery(
    x_token_delivery: Annotated[
        Delivery | None,
        Header(
            alias="X-Token-Delivery",
            description="`body` for an app that keeps the refresh token itself; without it, the token is in a cookie.",
        ),
    ] = None,
) -> Delivery:
    """Return how the client wants its refresh token."""
    return x_token_delivery or Delivery.COOKIE


AskedDelivery = Annotated[Delivery, Depends(asked_delivery)]
"""How the client wants its refresh token: in a cookie unless `X-Token-Delivery` says `body`."""


async def refuse_cross_site(request: Request) -> None:
    """Raise `UnsupportedMediaType` or `CrossSite` for what a form or script of a foreign page can send.

    Such a page can make a browser send the cookie, but only with a simple content type, and the browser adds where
    the request comes from (Fetch sections 3.2 and 4.6; Fetch Metadata section 2.3).
    """
    if not _is_json_or_empty(request):
        raise UnsupportedMediaType
    settings: AuthSettings = request.app.state.settings
    origins = request.headers.getlist("origin")
    sites = request.headers.getlist("sec-fetch-site")
    is_ours = settings.trusted_origins.issuperset(origins) if origins else {"same-origin", "none"}.issuperset(sites)
    if not is_ours:
        raise CrossSite


def _is_json_or_empty(request: Request) -> bool:
    types = request.headers.getlist("content-type")
    if types:
        return len(types) == 1 and types[0].partition(";")[0].strip().lower() == "application/json"
    return request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
