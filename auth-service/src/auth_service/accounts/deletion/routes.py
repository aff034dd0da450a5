"""Delete your own account."""

from fastapi import APIRouter

from auth_service.accounts.deletion.schemas import DeletionAsked
from auth_service.accounts.deletion.service import Deletion, Grace
from auth_service.sessions import CHANGER_PROBLEMS, FreshCaller, ReauthRequired
from shared.problem_responses import documents
from shared.problems import Busy, DatabaseUnavailable, OutcomeUnknown

__all__ = ["router"]

router = APIRouter(prefix="/auth", tags=["auth"])


@router.delete(
    "/me",
    status_code=202,
    summary="Delete your account",
    response_description="Every session has ended, and the account will be deleted",
    responses=documents(*CHANGER_PROBLEMS, ReauthRequired, Busy, DatabaseUnavailable, OutcomeUnknown),
)
async def delete_me(caller: FreshCaller, deletion: Deletion, grace: Grace) -> DeletionAsked:
    """Let your account be deleted with all that is in it, here and at every other service, after some days of grace.

    You must have logged in within the last five minutes. All your sessions end at once. If you change your mind, log
    in before `purge_after`: then everything is as it was.
    """
    return DeletionAsked(purge_after=await deletion.ask(caller, grace))
