"""The counter of each user: one row that every write of theirs holds until its transaction ends.

So N + 1 is handed out only after the holder of N has committed, or has rolled back and given N back. Whoever sees N
sees everything up to N, and no number is missing (decision 0012).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy import Integer, Select, Subquery, Text, Uuid, and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import Delete, Insert, Update

from shared.database import Session
from shared.problems import Busy
from shared.tokens import InvalidToken, Reason
from todo_service.changes.errors import QuotaExceeded
from todo_service.changes.models import USER_STREAMS
from todo_service.changes.turns import Quota, Writers

__all__ = ["HEAD", "NEXT_SEQ", "Head", "Turn", "head_of"]

NOT_NULL_VIOLATION = "23502"

Write = TypeVar("Write", Insert, Update, Delete)

COLUMNS = USER_STREAMS.c
MINE = COLUMNS.user_id == bindparam("user_id", type_=Text)

HEAD: Select[int, UUID] = select(COLUMNS.seq, COLUMNS.epoch).where(MINE)
"""The number of the latest change of `:user_id`, and which line of numbers it belongs to. No row: nothing yet."""

LOCKED = select(COLUMNS.seq, COLUMNS.live_count, COLUMNS.trash_count, COLUMNS.purged_at).where(MINE).with_for_update()
UNLOCKED = select(COLUMNS.live_count, COLUMNS.trash_count, COLUMNS.purged_at).where(MINE)
FIRST = insert(USER_STREAMS).values(user_id=bindparam("owner", type_=Text), epoch=bindparam("epoch", type_=Uuid))

_HAS_ROOM = and_(
    COLUMNS.purged_at.is_(None),
    COLUMNS.live_count < bindparam("max_todos", type_=Integer),
    COLUMNS.live_count + COLUMNS.trash_count < bindparam("max_rows", type_=Integer),
)
NEXT_SEQ = select(
    FIRST.values(seq=1, live_count=1)
    .on_conflict_do_update(
        index_elements=[COLUMNS.user_id],
        set_={"seq": COLUMNS.seq + 1, "live_count": COLUMNS.live_count + 1},
        where=_HAS_ROOM,
    )
    .returning(COLUMNS.seq)
    .cte("counter")
    .c.seq
).scalar_subquery()
"""The `seq` of a statement for `Turn.create`. It is NULL, which no table takes, when there is no room for one more."""


def head_of() -> Subquery:
    """Return `HEAD` to be joined: a list reads the counter in the statement that reads its rows."""
    return HEAD.subquery("head")


@dataclass(slots=True)
class Head:
    """A user's counter while a transaction holds it. What is changed here, `Turn.write` stores."""

    seq: int
    live: int
    trash: int

    def take(self) -> int:
        """Return the number of one more change."""
        self.seq += 1
        return self.seq

    def require_room(self, quota: Quota, *, rows: int) -> None:
        """Raise `QuotaExceeded` unless one todo more may be live, with `rows` more in all."""
        if (refusal := _over(quota, self.live, self.trash, rows)) is not None:
            raise refusal


class Turn:
    """One write of one user. Its end, however it comes, is announced once the transaction is over."""

    def __init__(self, session: Session, user_id: str, writers: Writers) -> None:
        self._session = session
        self._user_id = user_id
        self._writers = writers
        self._head: Head | None = None
        self._written: int | None = None

    @property
    def quota(self) -> Quota:
        """How much the user may have."""
        return self._writers.quota

    async def begin(self) -> Head:
        """Take the user's lock until the transaction ends, and return the counter; once begun, return the same one.

        Whatever the write is to judge by, it reads after this, in statements of its own: one that waits for the lock
        keeps the snapshot it began with. Raises `Busy`, and `InvalidToken` when the account has ended.
        """
        if self._head is None:
            await self._enter()
            self._head = await self._lock()
        return self._head

    async def write(self, statement: Write, head: Head) -> None:
        """Run `statement` and, within it, store `head`."""
        await self._session.run(statement.add_cte(self._raised(head).cte("counter")))
        self._written = head.seq

    async def store(self, head: Head) -> None:
        """Store `head` after a statement that could not tell beforehand how many numbers it takes."""
        await self._session.run(self._raised(head))
        self._written = head.seq

    async def forget_below(self, purged_seq: int) -> None:
        """Store that tombstones up to this number are gone: a client that has seen less must begin anew."""
        mine = update(USER_STREAMS).where(COLUMNS.user_id == self._user_id)
        await self._session.run(mine.values(purged_seq=func.greatest(COLUMNS.purged_seq, purged_seq)))

    async def create(self, statement: Insert, values: Mapping[str, object]) -> int:
        """Run `statement`, whose seq is `NEXT_SEQ`, and return the number that it got.

        It must read nothing: unless the turn has begun, it is all of this transaction and takes no lock before it
        starts. Raises `QuotaExceeded`, `InvalidToken`, `Busy`.
        """
        room = {"max_todos": self.quota.max_todos, "max_rows": self.quota.max_rows}
        counted = {**values, **room, "owner": self._user_id, "epoch": uuid4()}
        if self._head is not None:
            return await self._create_after(self._head, statement, counted)
        await self._enter()
        try:
            seq: int = (await self._session.exec_alone(statement, counted)).scalar_one()
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) != NOT_NULL_VIOLATION:
                raise
            raise await self._why_refused() from error
        self._written = seq
        return seq

    async def _lock(self) -> Head:
        mine = {"user_id": self._user_id}
        row = (await self._session.run(LOCKED, mine)).one_or_none()
        if row is None:
            first = {"owner": self._user_id, "epoch": uuid4()}
            await self._session.run(FIRST.on_conflict_do_nothing(), first)
            row = (await self._session.run(LOCKED, mine)).one()
        if row.purged_at is not None:
            raise InvalidToken(Reason.ENDED)
        return Head(row.seq, row.live_count, row.trash_count)

    async def _create_after(self, head: Head, statement: Insert, counted: Mapping[str, object]) -> int:
        head.require_room(self.quota, rows=1)
        head.seq = self._written = (await self._session.run(statement, counted)).scalar_one()
        head.live += 1
        return head.seq

    def _raised(self, head: Head) -> Update:
        counts = {"seq": head.seq, "live_count": head.live, "trash_count": head.trash}
        return update(USER_STREAMS).where(COLUMNS.user_id == self._user_id).values(counts)

    async def _why_refused(self) -> QuotaExceeded | InvalidToken | Busy:
        row = (await self._session.run(UNLOCKED, {"user_id": self._user_id})).one_or_none()
        if row is None:
            # The stub of an ended account went a moment ago.
            return Busy()
        if row.purged_at is not None:
            return InvalidToken(Reason.ENDED)
        # Without a reason, there is room again by now.
        return _over(self.quota, row.live_count, row.trash_count, 1) or Busy()

    async def _enter(self) -> None:
        places = await self._writers.enter(self._user_id)

        async def end() -> None:
            places.release()
            changed = self._written if self._session.has_committed else None
            await self._writers.announce(self._user_id, changed)

        # Also when nothing changes in the end: the call may repeat one whose answer was lost, and that must show.
        self._session.on_end(end)


def _over(quota: Quota, live: int, trash: int, rows: int) -> QuotaExceeded | None:
    if live >= quota.max_todos:
        detail = f"You have {live} todos; more than {quota.max_todos} are not kept."
        return QuotaExceeded(detail, limit=quota.max_todos, current=live)
    if live + trash + rows > quota.max_rows:
        detail = f"You have {live + trash} todos with the trash; more than {quota.max_rows} are not kept."
        return QuotaExceeded(detail, limit=quota.max_rows, current=live + trash)
    return None
