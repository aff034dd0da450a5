"""Read and change your own account."""

from fastapi import APIRouter

from auth_service.accounts.schemas import Me, MePatch
from auth_service.accounts.service import rename_account
from auth_service.browser import BODY_PROBLEMS
from auth_service.sessions import CHANGER_PROBLEMS, CurrentAccount
from shared.caller import CALLER_PROBLEMS
from shared.problem_responses import documents
from shared.problems import Busy, DatabaseUnavailable
from shared.request_session import SessionDep
from shared.tokens import InvalidToken, Reason

__all__ = ["router"]

router = APIRouter(prefix="/auth", tags=["auth"])

MERGE_PATCH = {"application/merge-patch+json": {"schema": {"$ref": "#/components/schemas/MePatch"}}}
"""The other name of a patch's type (RFC 7396 section 4)."""


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
    responses=documents(*CHANGER_PROBLEMS, *BODY_PROBLEMS),
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
