"""The stored one-time tokens."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import and_, col, func, or_, select

from auth_service.one_time.models import OneTimeToken
from auth_service.one_time.tokens import Use
from auth_service.tables import core
from shared.database import Session, Sessions
from shared.sweeping import delete_old

__all__ = ["OneTimeRepository", "sweep_one_time_tokens"]

KEPT = timedelta(days=1)
"""How long a token is known after its end: longer than its mail is tried, so that no late try makes another one."""


class OneTimeRepository:
    """Tokens that are good for one use, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def is_outdated(self, row_id: UUID, user_id: UUID, use: Use) -> bool:
        """Whether the token `row_id` was used, or a later one was asked for."""
        spent = and_(col(OneTimeToken.id) == row_id, col(OneTimeToken.consumed_at).is_not(None))
        found = await self._database.exec(
            select(OneTimeToken.id)
            .where(OneTimeToken.user_id == user_id, OneTimeToken.purpose == use)
            .where(or_(spent, col(OneTimeToken.id) > row_id))
            .limit(1)
        )
        return found.first() is not None

    async def put(self, row_id: UUID, user_id: UUID, use: Use, digest: bytes, payload: dict[str, object]) -> None:
        """Store a token that works from now on; one that is stored already begins anew."""
        expires_at = func.clock_timestamp() + use.lifetime
        values = {"id": row_id, "user_id": user_id, "purpose": use, "token_hash": digest, "payload": payload}
        await self._database.run(
            insert(core(OneTimeToken))
            .values(**values, expires_at=expires_at)
            .on_conflict_do_update(index_elements=["id"], set_={"token_hash": digest, "expires_at": expires_at})
        )

    async def lock(self, digest: bytes, use: Use) -> OneTimeToken | None:
        """Return the token of this digest if it works, and keep it as it is until the transaction ends."""
        found = await self._database.exec(select(OneTimeToken).where(*_works(digest, use)).with_for_update())
        return found.first()

    async def peek(self, digest: bytes, use: Use) -> OneTimeToken | None:
        """Return the token of this digest if it works at this moment."""
        found = await self._database.exec(select(OneTimeToken).where(*_works(digest, use)))
        return found.first()

    async def consume(self, digest: bytes, use: Use) -> OneTimeToken | None:
        """Return the token of this digest if it worked until now. Of many who ask at once, one gets it."""
        used = await self._database.exec(
            update(OneTimeToken)
            .where(*_works(digest, use))
            .values(consumed_at=func.clock_timestamp())
            .returning(OneTimeToken)
        )
        return used.scalars().one_or_none()

    async def kill(self, user_id: UUID, uses: Collection[Use], *, but: UUID | None = None) -> None:
        """End the user's tokens for these uses, but the one with the id `but`."""
        await self._database.exec(
            update(OneTimeToken)
            .where(
                col(OneTimeToken.user_id) == user_id,
                col(OneTimeToken.purpose).in_(uses),
                col(OneTimeToken.consumed_at).is_(None),
                col(OneTimeToken.id).is_distinct_from(but),
            )
            .values(consumed_at=func.clock_timestamp())
        )

    async def count_failure(self, token: OneTimeToken, most: int) -> None:
        """Note that the proof beside the token was wrong; at the `most`-th time the token ends."""
        token.attempts += 1
        if token.attempts >= most:
            token.consumed_at = (await self._database.exec(select(func.clock_timestamp()))).one()
        await self._database.flush()


def _works(digest: bytes, use: Use) -> tuple[ColumnElement[bool], ...]:
    return (
        col(OneTimeToken.token_hash) == digest,
        col(OneTimeToken.purpose) == use,
        col(OneTimeToken.consumed_at).is_(None),
        col(OneTimeToken.expires_at) > func.clock_timestamp(),
    )


async def sweep_one_time_tokens(sessions: Sessions) -> int:
    """Delete tokens that ended a day ago, and return how many; raises what `transaction` raises."""
    table = core(OneTimeToken)
    return await delete_old(sessions, table, table.c.expires_at < func.now() - KEPT, sweep="one_time_tokens")
