"""Log in, refresh, log out, and see where you are logged in."""

from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from auth_service.audit import Audited
from auth_service.browser import BODY_PROBLEMS, BROWSER_PROBLEMS, SETS_COOKIE, RefreshCookieDep, refuse_cross_site
from auth_service.passwords import Overloaded
from auth_service.sessions.caller import CHANGER_PROBLEMS, CurrentCaller
from auth_service.sessions.ending import Ender, EndReason
from auth_service.sessions.errors import (
    EmailNotVerified,
    InvalidCredentials,
    InvalidGrant,
    SessionNotFound,
    TokenDeliveryRequired,
)
from auth_service.sessions.handover import HandoverDep
from auth_service.sessions.login import Logins
from auth_service.sessions.opening import Opener, SessionsDep
from auth_service.sessions.presented import LogoutDep, RefreshDep
from auth_service.sessions.schemas import Login, LogoutAll, OpenSession, TokenResponse
from auth_service.throttles import Limit, LimitsDep, RateLimited
from shared.caller import CALLER_PROBLEMS
from shared.problem_responses import documents, problem_response
from shared.problems import Busy, DatabaseUnavailable, OutcomeUnknown, Unprocessable
from shared.tokens import KeysUnavailable

__all__ = ["router"]

router = APIRouter(prefix="/auth", tags=["auth"])

FROM_OUR_SITE = [Depends(refuse_cross_site)]
"""For every route that reads or sets a cookie. The others take nothing but an access token, which no browser sends by
itself."""


@router.post(
    "/login",
    dependencies=FROM_OUR_SITE,
    summary="Log in",
    response_description="The tokens of the new session",
    response_model=TokenResponse,
    response_model_exclude_unset=True,
    responses={
        200: SETS_COOKIE,
        **documents(InvalidCredentials, EmailNotVerified, RateLimited, Overloaded, KeysUnavailable, *BROWSER_PROBLEMS),
    },
)
async def login(
    request: Request, login: Login, limits: LimitsDep, logins: Logins, opener: Opener
) -> TokenResponse | Response:
    """Open a session with e-mail address and password.

    The access token is in the answer. The refresh token is in a cookie that no script can read; an app that is no
    web page sends `X-Token-Delivery: body` and finds it in the answer as `refresh_token`.
    """
    too_many = await limits.count(Limit.LOGINS, password_of=login.email)
    if too_many is not None:
        return too_many
    account = await logins.log_in(login)
    if account is None:
        # Returned, not raised: what was written down must outlast this answer (decision 0003).
        return problem_response(InvalidCredentials(), request.scope)
    if await logins.must_verify(account):
        return problem_response(EmailNotVerified(), request.scope)
    return await opener.open(account, Audited.LOGIN, remember=login.remember)


@router.post(
    "/refresh",
    dependencies=FROM_OUR_SITE,
    summary="Get new tokens",
    response_description="The session's new tokens",
    response_model=TokenResponse,
    response_model_exclude_unset=True,
    responses={
        200: SETS_COOKIE,
        **documents(InvalidGrant, TokenDeliveryRequired, RateLimited, KeysUnavailable, *BROWSER_PROBLEMS),
    },
)
async def refresh(
    request: Request, presented: RefreshDep, limits: LimitsDep, sessions: SessionsDep, handover: HandoverDep
) -> TokenResponse | Response:
    """Exchange the refresh token for a new access token and, as a rule, a new refresh token.

    Web pages send no body: the cookie is enough. Apps send `refresh_token` and `X-Token-Delivery: body`. Keep the
    token of the newest answer. Asking again at once, from another tab or because an answer was lost, is safe; a token
    that was replaced a while ago ends the session, because two hold it.
    """
    too_many = await limits.look(Limit.REFUSED_REFRESHES)
    if too_many is not None:
        return too_many
    grant = await sessions.refresh(presented.token, presented.delivery)
    if grant is None:
        limits.count_afterwards(Limit.REFUSED_REFRESHES)
        # Returned, not raised: what was stored about a reuse must outlast this answer (decision 0003). The cookie
        # stays, for it could by now be that of another tab's new login.
        return problem_response(InvalidGrant(), request.scope)
    return handover.answer(grant)


@router.post(
    "/logout",
    dependencies=FROM_OUR_SITE,
    status_code=204,
    response_class=Response,
    summary="Log out",
    response_description="Nothing that was presented opens anything any more",
    responses={204: SETS_COOKIE, **documents(KeysUnavailable, *BROWSER_PROBLEMS)},
    # The token is welcome, not demanded, which OpenAPI writes as an alternative to no security at all.
    openapi_extra={"security": [{"HTTPBearer": []}, {}]},
)
async def logout(response: Response, presented: LogoutDep, sessions: SessionsDep, cookie: RefreshCookieDep) -> None:
    """End every session presented, by cookie, by `refresh_token` or by access token, and clear the cookie.

    The answer is the same when nothing was presented or nothing was open.
    """
    await sessions.log_out(presented.refresh_tokens, presented.session)
    cookie.clear(response)


@router.post(
    "/logout-all",
    status_code=204,
    response_class=Response,
    summary="Log out everywhere",
    response_description="Every session has ended",
    responses=documents(*CHANGER_PROBLEMS, *BODY_PROBLEMS),
)
async def logout_all(caller: CurrentCaller, ender: Ender, asked: LogoutAll | None = None) -> None:
    """End all your sessions, this one too unless `keep_current` is true.

    Every service refuses their access tokens within a second.
    """
    kept = caller.session_id if asked is not None and asked.keep_current else None
    await ender.end(caller.account.id, EndReason.LOGOUT_ALL, but=kept)


@router.get(
    "/sessions",
    summary="List your sessions",
    response_description="Your open sessions, the newest first",
    responses=documents(*CALLER_PROBLEMS, Busy, DatabaseUnavailable),
)
async def list_sessions(caller: CurrentCaller, sessions: SessionsDep) -> list[OpenSession]:
    """Return where you are logged in: one session a login, at most a hundred."""
    return [OpenSession.of(session, caller.session_id) for session in await sessions.live(caller.account.id)]


@router.delete(
    "/sessions/{session_id}",
    status_code=204,
    response_class=Response,
    summary="End one of your sessions",
    response_description="The session has ended",
    responses=documents(*CHANGER_PROBLEMS, SessionNotFound, Unprocessable, Busy, DatabaseUnavailable, OutcomeUnknown),
)
async def end_session(session_id: UUID, caller: CurrentCaller, ender: Ender) -> None:
    """Log out a device, from wherever you are. Every service refuses its access token within a second."""
    if not await ender.end(caller.account.id, EndReason.REVOKED, only=session_id):
        raise SessionNotFound
