"""Read your own account."""

from fastapi import APIRouter

from auth_service.accounts.schemas import Me
from auth_service.sessions import CurrentAccount
from shared.caller import CALLER_PROBLEMS
from shared.problems import Busy, DatabaseUnavailable, documents

__all__ = ["router"]

router = APIRouter(prefix="/auth", tags=["auth"])


@router.get(
    "/me",
    summary="Read your account",
    response_description="Your account",
    responses=documents(*CALLER_PROBLEMS, Busy, DatabaseUnavailable),
)
async def read_me(account: CurrentAccount) -> Me:
    """Return the account that the access token belongs to."""
    return Me.model_validate(account, from_attributes=True)
