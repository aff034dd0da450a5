"""The keys that a user's requests came with, and what each was answered."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Text, bindparam, func, insert, literal_column, select

from shared.database import Session
from todo_service.changes.models import IDEMPOTENCY_KEYS, LARGE_BYTES

__all__ = ["Answer", "KeyRepository"]

COLUMNS = IDEMPOTENCY_KEYS.c
BY_KEY = select(COLUMNS.body_sha, COLUMNS.status, COLUMNS.headers, COLUMNS.body).where(
    COLUMNS.user_id == bindparam("user_id", type_=Text), COLUMNS.key == bindparam("key", type_=Text)
)
LARGE = func.octet_length(COLUMNS.body)
LARGE_TOTAL = select(func.coalesce(func.sum(LARGE), 0)).where(
    COLUMNS.user_id == bindparam("user_id", type_=Text), literal_column(str(LARGE_BYTES)) < LARGE
)
NEW_KEY = insert(IDEMPOTENCY_KEYS)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered, and the digest that tells it from others."""

    digest: bytes
    status: int
    headers: dict[str, str]
    body: bytes


class KeyRepository:
    """The keys of one user. The same key of somebody else is another one."""

    def __init__(self, session: Session, user_id: str) -> None:
        self._session = session
        self._user_id = user_id

    async def find(self, key: str) -> Answer | None:
        """Return what the request with this key was answered, None when there was none."""
        row = (await self._session.run(BY_KEY, {"user_id": self._user_id, "key": key})).one_or_none()
        return None if row is None else Answer(row.body_sha, row.status, row.headers, row.body)

    async def large_total(self) -> int:
        """Return how many bytes the bodies take that are larger than `LARGE_BYTES`."""
        total: int = (await self._session.run(LARGE_TOTAL, {"user_id": self._user_id})).scalar_one()
        return total

    async def add(self, key: str, answer: Answer) -> None:
        """Store the answer to a request with a new key. Who adds has begun the user's turn before looking."""
        request = {"user_id": self._user_id, "key": key, "body_sha": answer.digest, "created_at": datetime.now(UTC)}
        stored = {"status": answer.status, "headers": answer.headers, "body": answer.body}
        await self._session.run(NEW_KEY, request | stored)
