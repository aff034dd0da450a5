"""Get another address for your account."""

from fastapi import APIRouter, Depends, Request, Response

from auth_service.accounts.email_change.schemas import EmailChange, EmailConfirmation
from auth_service.accounts.email_change.service import Asker, Confirmer
from auth_service.accounts.errors import EmailTaken
from auth_service.browser import BODY_PROBLEMS, BROWSER_PROBLEMS, refuse_cross_site
from auth_service.one_time import InvalidOrExpiredToken
from auth_service.passwords import CurrentPasswordInvalid, Overloaded
from auth_service.sessions import CHANGER_PROBLEMS, CurrentCaller
from auth_service.throttles import RateLimited
from shared.problem_responses import documents, problem_response

__all__ = ["router"]

router = APIRouter(prefix="/auth/email/change", tags=["auth"])


@router.post(
    "",
    status_code=202,
    response_model=dict[str, str],
    summary="Ask for another address",
    response_description="A mail is on its way to the new address, and a notice to the present one",
    # It looks for the cookie of a device that is known, which opens nothing.
    dependencies=[Depends(refuse_cross_site)],
    responses=documents(CurrentPasswordInvalid, RateLimited, Overloaded, *CHANGER_PROBLEMS, *BROWSER_PROBLEMS),
)
async def change_email(
    request: Request, change: EmailChange, caller: CurrentCaller, asker: Asker
) -> dict[str, str] | Response:
    """Have a link mailed to the new address, by your password. It works once, for an hour, and for you alone.

    Until it is followed, nothing changes. The answer is the same whether or not the new address has an account.
    """
    too_many = await asker.count(caller, change)
    if too_many is not None:
        return too_many
    if not await asker.ask(caller, change):
        # Returned, not raised: what was counted and written down must outlast this answer (decision 0003).
        return problem_response(CurrentPasswordInvalid(), request.scope)
    return {}


@router.post(
    "/confirm",
    status_code=204,
    response_class=Response,
    response_model=None,
    summary="Confirm another address",
    response_description="The new address is that of your account, and verified",
    responses=documents(InvalidOrExpiredToken, EmailTaken, RateLimited, *CHANGER_PROBLEMS, *BODY_PROBLEMS),
)
async def confirm_email_change(
    confirmation: EmailConfirmation, caller: CurrentCaller, confirmer: Confirmer
) -> Response | None:
    """Follow the link that was mailed to the new address, logged in to the account that is to have it.

    Links that were mailed before are void. Your sessions go on; their next tokens name the new address.
    """
    too_many = await confirmer.count()
    if too_many is not None:
        return too_many
    await confirmer.confirm(caller, confirmation.token)
    return None
