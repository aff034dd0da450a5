"""Register."""

from fastapi import APIRouter, Depends, Response

from auth_service.accounts.errors import EmailTaken
from auth_service.accounts.registration.schemas import Registration
from auth_service.accounts.registration.service import create_account
from auth_service.audit import Audited
from auth_service.browser import BROWSER_PROBLEMS, SETS_COOKIE, refuse_cross_site
from auth_service.passwords import HasherDep, Overloaded, WeakPassword
from auth_service.sessions import Opener, TokenResponse
from auth_service.throttles import Limit, LimitsDep, RateLimited
from shared.database import SessionDep
from shared.problems import documents
from shared.tokens import KeysUnavailable

__all__ = ["router"]

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post(
    "/register",
    status_code=201,
    summary="Create an account",
    response_description="The tokens of the first session",
    response_model=TokenResponse,
    response_model_exclude_unset=True,
    dependencies=[Depends(refuse_cross_site)],
    responses={
        201: SETS_COOKIE,
        **documents(EmailTaken, WeakPassword, RateLimited, Overloaded, KeysUnavailable, *BROWSER_PROBLEMS),
    },
)
async def register(
    registration: Registration, limits: LimitsDep, database: SessionDep, hasher: HasherDep, opener: Opener
) -> TokenResponse | Response:
    """Create an account and open its first session.

    Tokens come as they do from a login: the access token in the answer, the refresh token in a cookie, or in the
    answer too with `X-Token-Delivery: body`.
    """
    too_many = await limits.count(Limit.REGISTRATIONS)
    if too_many is not None:
        return too_many
    password_hash = await hasher.hash_chosen(registration.password, email=registration.email, name=registration.name)
    account = await create_account(database, registration, password_hash)
    return await opener.open(account, Audited.REGISTERED)
