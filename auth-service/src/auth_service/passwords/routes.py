"""Change a password, or get another one for a forgotten one."""

from fastapi import APIRouter, Depends, Request, Response

from auth_service.browser import BODY_PROBLEMS, BROWSER_PROBLEMS, refuse_cross_site
from auth_service.one_time import InvalidOrExpiredToken
from auth_service.outbox import Mail, ask_for_mail
from auth_service.passwords.errors import CurrentPasswordInvalid, Overloaded, WeakPassword
from auth_service.passwords.schemas import Forgot, PasswordChange, PasswordReset
from auth_service.passwords.service import Changer, Resetter
from auth_service.sessions import CHANGER_PROBLEMS, CurrentCaller
from auth_service.throttles import Limit, LimitsDep, RateLimited
from shared.problem_responses import documents, problem_response
from shared.request_session import SessionDep

__all__ = ["router"]

router = APIRouter(prefix="/auth/password", tags=["auth"])


@router.post(
    "/change",
    status_code=204,
    response_class=Response,
    response_model=None,
    summary="Change your password",
    response_description="The new password opens your account, and the former one no longer does",
    # It looks for the cookie of a device that is known, which opens nothing.
    dependencies=[Depends(refuse_cross_site)],
    responses=documents(
        *(CurrentPasswordInvalid, WeakPassword, RateLimited, Overloaded), *CHANGER_PROBLEMS, *BROWSER_PROBLEMS
    ),
)
async def change_password(
    request: Request, change: PasswordChange, caller: CurrentCaller, changer: Changer
) -> Response | None:
    """Choose another password, by the present one. Your other sessions end unless you want them to go on.

    The present password is asked for because a stolen device or token must not be enough to take the account over.
    """
    too_many = await changer.count(caller)
    if too_many is not None:
        return too_many
    if not await changer.change(caller, change):
        # Returned, not raised: what was counted and written down must outlast this answer (decision 0003).
        return problem_response(CurrentPasswordInvalid(), request.scope)
    return None


@router.post(
    "/forgot",
    status_code=202,
    response_model=dict[str, str],
    summary="Ask for a link that resets your password",
    response_description="A mail is on its way if the address has an account",
    responses=documents(RateLimited, *BODY_PROBLEMS),
)
async def forgot_password(forgot: Forgot, limits: LimitsDep, database: SessionDep) -> dict[str, str] | Response:
    """Have a link mailed that works once, for half an hour. A newer one voids it.

    The answer is the same whether or not the address has an account: nothing is looked up before it.
    """
    too_many = await limits.count(Limit.MAILS_ASKED, reset_to=forgot.email)
    if too_many is not None:
        return too_many
    await ask_for_mail(database, Mail.RESET_PASSWORD, {"email": forgot.email})
    return {}


@router.post(
    "/reset",
    status_code=204,
    response_class=Response,
    response_model=None,
    summary="Reset your password",
    response_description="The new password opens your account, and every session has ended",
    responses=documents(InvalidOrExpiredToken, WeakPassword, RateLimited, Overloaded, *BODY_PROBLEMS),
)
async def reset_password(reset: PasswordReset, limits: LimitsDep, resetter: Resetter) -> Response | None:
    """Choose another password by the link that was mailed, then log in with it.

    A password that is refused leaves the link as it is. All of your sessions end, and a login that was slowed or
    closed because somebody has guessed at the password is open again.
    """
    too_many = await limits.count(Limit.ONE_TIME_TOKENS)
    if too_many is not None:
        return too_many
    account = await resetter.reset(reset)
    limits.password_was_reset(account.email)
    return None
