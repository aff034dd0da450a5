"""Log in, refresh, log out."""

from fastapi import APIRouter, Depends, Request, Response

from auth_service.audit import Audited
from auth_service.browser import BROWSER_PROBLEMS, SETS_COOKIE, RefreshCookieDep, refuse_cross_site
from auth_service.passwords import Overloaded
from auth_service.sessions.errors import InvalidCredentials, InvalidGrant, TokenDeliveryRequired
from auth_service.sessions.handover import HandoverDep
from auth_service.sessions.login import Logins
from auth_service.sessions.opening import Opener, Sessions
from auth_service.sessions.presented import LogoutDep, RefreshDep
from auth_service.sessions.schemas import Login, TokenResponse
from shared.problems import documents, problem_response
from shared.tokens import KeysUnavailable

__all__ = ["router"]

router = APIRouter(prefix="/auth", tags=["auth"], dependencies=[Depends(refuse_cross_site)])


@router.post(
    "/login",
    summary="Log in",
    response_description="The tokens of the new session",
    response_model=TokenResponse,
    response_model_exclude_unset=True,
    responses={
        200: SETS_COOKIE,
        **documents(InvalidCredentials, Overloaded, KeysUnavailable, *BROWSER_PROBLEMS),
    },
)
async def login(request: Request, login: Login, logins: Logins, opener: Opener) -> TokenResponse | Response:
    """Open a session with e-mail address and password.

    The access token is in the answer. The refresh token is in a cookie that no script can read; an app that is no
    web page sends `X-Token-Delivery: body` and finds it in the answer as `refresh_token`.
    """
    account = await logins.log_in(login)
    if account is None:
        # Returned, not raised: what was written down must outlast this answer (decision 0003).
        return problem_response(InvalidCredentials(), request.scope)
    return await opener.open(account, Audited.LOGIN, remember=login.remember)


@router.post(
    "/refresh",
    summary="Get new tokens",
    response_description="The session's new tokens",
    response_model=TokenResponse,
    response_model_exclude_unset=True,
    responses={
        200: SETS_COOKIE,
        **documents(InvalidGrant, TokenDeliveryRequired, KeysUnavailable, *BROWSER_PROBLEMS),
    },
)
async def refresh(
    request: Request, presented: RefreshDep, sessions: Sessions, handover: HandoverDep
) -> TokenResponse | Response:
    """Exchange the refresh token for a new access token and, as a rule, a new refresh token.

    Web pages send no body: the cookie is enough. Apps send `refresh_token` and `X-Token-Delivery: body`. Keep the
    token of the newest answer. Asking again at once, from another tab or because an answer was lost, is safe; a token
    that was replaced a while ago ends the session, because two hold it.
    """
    grant = await sessions.refresh(presented.token, presented.delivery)
    if grant is None:
        # Returned, not raised: what was stored about a reuse must outlast this answer (decision 0003). The cookie
        # stays, for it could by now be that of another tab's new login.
        return problem_response(InvalidGrant(), request.scope)
    return handover.answer(grant)


@router.post(
    "/logout",
    status_code=204,
    response_class=Response,
    summary="Log out",
    response_description="Nothing that was presented opens anything any more",
    responses={204: SETS_COOKIE, **documents(KeysUnavailable, *BROWSER_PROBLEMS)},
    # The token is welcome, not demanded, which OpenAPI writes as an alternative to no security at all.
    openapi_extra={"security": [{"HTTPBearer": []}, {}]},
)
async def logout(response: Response, presented: LogoutDep, sessions: Sessions, cookie: RefreshCookieDep) -> None:
    """End every session presented, by cookie, by `refresh_token` or by access token, and clear the cookie.

    The answer is the same when nothing was presented or nothing was open.
    """
    await sessions.log_out(presented.refresh_tokens, presented.session)
    cookie.clear(response)
