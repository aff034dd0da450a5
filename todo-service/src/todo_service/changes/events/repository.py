"""The counters, as streams look at them: without a lock, and without a connection that outlasts the look."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Text, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from shared.database import Database, Row
from todo_service.changes.models import USER_STREAMS

__all__ = ["Latest", "all_latest", "latest_of"]

COUNTERS = USER_STREAMS.c
NAMED = COUNTERS.user_id, COUNTERS.seq, COUNTERS.purged_at
ONE = select(*NAMED).where(COUNTERS.user_id == bindparam("user_id"))
MANY = (
    select(*NAMED)
    .prefix_with("/* sweep: sse_poll */")
    .where(COUNTERS.user_id == any_(bindparam("user_ids", type_=ARRAY(Text))))
)


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest change of a user, and whether their account has ended."""

    user_id: str
    seq: int
    is_purged: bool


async def latest_of(database: Database, user_id: str) -> Latest:
    """Return the user's newest change, 0 for one who has never written; raises as `Database.read` does."""
    rows = await database.read(ONE, {"user_id": user_id})
    return _latest(rows[0]) if rows else Latest(user_id, 0, is_purged=False)


async def all_latest(database: Database, user_ids: Iterable[str]) -> list[Latest]:
    """Return the newest change of each user who has ever written, in one look; raises as `Database.read` does."""
    return [_latest(row) for row in await database.read(MANY, {"user_ids": list(user_ids)})]


def _latest(row: Row) -> Latest:
    return Latest(row["user_id"], row["seq"], is_purged=row["purged_at"] is not None)
