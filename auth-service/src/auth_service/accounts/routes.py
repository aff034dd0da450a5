"""Register, and read or change your own account."""

from fastapi import APIRouter, Depends, Response

from auth_service.accounts.errors import EmailTaken
from auth_service.accounts.schemas import Me, MePatch, Registration
from auth_service.accounts.service import create_account, rename_account
from auth_service.audit import Audited
from auth_service.browser import BODY_PROBLEMS, BROWSER_PROBLEMS, SETS_COOKIE, refuse_cross_site
from auth_service.passwords import HasherDep, Overloaded, WeakPassword
from auth_service.sessions import CurrentAccount, Opener, TokenResponse
from auth_service.throttles import Limit, LimitsDep, RateLimited
from shared.caller import CALLER_PROBLEMS
from shared.database import SessionDep
from shared.problems import Busy, DatabaseUnavailable, documents
from shared.tokens import InvalidToken, KeysUnavailable, Reason

__all__ = ["router"]

router = APIRouter(prefix="/auth", tags=["auth"])

MERGE_PATCH = {"application/merge-patch+json": {"schema": {"$ref": "#/components/schemas/MePatch"}}}
"""The other name of a patch's type (RFC 7396 section 4)."""


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


@router.get(
    "/me",
    summary="Read your account",
    response_description="Your account",
    responses=documents(*CALLER_PROBLEMS, Busy, DatabaseUnavailable),
)
async def read_me(account: CurrentAccount) -> Me:
    """Return the account that the access token belongs to."""
    return Me.model_validate(account, from_attributes=True)


@router.patch(
    "/me",
    summary="Change your account",
    response_description="Your account as it is now",
    responses=documents(*CALLER_PROBLEMS, *BODY_PROBLEMS),
    openapi_extra={"requestBody": {"content": MERGE_PATCH}},
)
async def change_me(patch: MePatch, account: CurrentAccount, database: SessionDep) -> Me:
    """Change the fields that you send, and no others (RFC 7396). The address has a way of its own."""
    if "name" not in patch.model_fields_set:
        return Me.model_validate(account, from_attributes=True)
    renamed = await rename_account(database, account, patch.name)
    if renamed is None:
        raise InvalidToken(Reason.ENDED)
    return Me.model_validate(renamed, from_attributes=True)
