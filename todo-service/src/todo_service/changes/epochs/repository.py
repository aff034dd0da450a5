"""The epochs of all users."""

from uuid import UUID

from sqlalchemy import select, update

from shared.database import Session
from todo_service.changes.models import USER_STREAMS

__all__ = ["renew_epoch", "users_after"]

COLUMNS = USER_STREAMS.c


async def users_after(session: Session, user_id: str, limit: int) -> list[str]:
    """Return the next users behind `user_id`, in the order of their ids."""
    following = select(COLUMNS.user_id, COLUMNS.epoch).prefix_with("/* sweep: new_epoch */")
    rows = await session.run(following.where(COLUMNS.user_id > user_id).order_by(COLUMNS.user_id).limit(limit))
    return [row.user_id for row in rows.all()]


async def renew_epoch(session: Session, user_id: str, epoch: UUID) -> None:
    """Let the user's numbers belong to `epoch` from now on."""
    await session.run(update(USER_STREAMS).where(COLUMNS.user_id == user_id).values(epoch=epoch))
