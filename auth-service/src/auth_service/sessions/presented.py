"""What a client presents to renew or end its session."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from auth_service.browser import AskedDelivery, Delivery, RefreshCookieDep
from auth_service.sessions.caller import own_session
from auth_service.sessions.errors import InvalidGrant, TokenDeliveryRequired
from auth_service.sessions.repository import SessionOf
from auth_service.sessions.schemas import PresentedToken
from shared.caller import BearerToken
from shared.tokens import InvalidToken, MissingToken, Principal

__all__ = ["LogoutDep", "PresentedForLogout", "PresentedForRefresh", "PresentedUser", "RefreshDep"]

_bearer = BearerToken()


@dataclass(frozen=True, slots=True)
class PresentedForRefresh:
    """A refresh token, and how it came."""

    token: str
    delivery: Delivery


async def presented_for_refresh(
    request: Request, cookie: RefreshCookieDep, asked: AskedDelivery, body: PresentedToken | None = None
) -> PresentedForRefresh:
    """Return the refresh token of the body, else of the cookie.

    Raises `TokenDeliveryRequired` for one in the body without its header, and `InvalidGrant` without any.
    """
    if body is not None and body.refresh_token is not None:
        if asked is not Delivery.BODY:
            raise TokenDeliveryRequired
        return PresentedForRefresh(body.refresh_token, Delivery.BODY)
    # On a cookie session the header is ignored, so that no script can pull the token out of the cookie.
    if (token := cookie.read(request)) is None:
        raise InvalidGrant
    return PresentedForRefresh(token, Delivery.COOKIE)


RefreshDep = Annotated[PresentedForRefresh, Depends(presented_for_refresh)]
"""The refresh token that came with the request."""


@dataclass(frozen=True, slots=True)
class PresentedForLogout:
    """Every session that the request names: by refresh tokens, and by an access token of ours."""

    refresh_tokens: tuple[str, ...]
    session: SessionOf | None


async def presented_user(request: Request) -> Principal | None:
    """Return whom the request's access token names, None without a valid one."""
    try:
        return await _bearer(request)
    except (MissingToken, InvalidToken):
        return None


PresentedUser = Annotated[Principal | None, Depends(presented_user)]
"""Whom the access token names, where one is welcome and not demanded."""


async def presented_for_logout(
    request: Request, cookie: RefreshCookieDep, user: PresentedUser, body: PresentedToken | None = None
) -> PresentedForLogout:
    """Return what was presented; an access token that is not valid presents nothing."""
    tokens = (cookie.read(request), body.refresh_token if body else None)
    return PresentedForLogout(tuple(token for token in tokens if token), own_session(user) if user else None)


LogoutDep = Annotated[PresentedForLogout, Depends(presented_for_logout)]
"""The sessions that the request names."""
