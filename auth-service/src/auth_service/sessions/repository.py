"""The stored sessions and refresh tokens."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, update
from sqlmodel import col, func, or_, select

from auth_service.sessions.models import LoginSession, RefreshToken
from auth_service.tables import core
from shared.database import Session, Sessions
from shared.sweeping import delete_old

__all__ = ["SessionOf", "SessionRepository", "sweep_refresh_tokens", "sweep_sessions"]

USED_TOKENS_KEPT = timedelta(days=14)
"""As long as a session can idle: a token that was used before then belongs to none that lives, or to a newer one."""


class SessionOf(NamedTuple):
    """A session, and whose it is: in the order in which several are locked."""

    session_id: UUID
    user_id: UUID


class SessionRepository:
    """Sessions and their refresh tokens, in one transaction."""

    def __init__(self, database: Session) -> None:
        self._database = database

    async def now(self) -> datetime:
        """Return the time by the one clock that all replicas share."""
        found = await self._database.exec(select(func.clock_timestamp()))
        now: datetime = found.one()
        return now

    async def add(self, opened: LoginSession) -> None:
        """Store a new session."""
        self._database.add(opened)
        await self._database.flush()

    async def lock_by_token(self, token_hash: bytes) -> LoginSession | None:
        """Return the session that this token was ever given to, and keep it as it is until the transaction ends."""
        found = await self._database.exec(
            select(LoginSession)
            .join(RefreshToken, col(RefreshToken.session_id) == col(LoginSession.id))
            .where(RefreshToken.token_hash == token_hash)
            .with_for_update(of=LoginSession, key_share=True)
        )
        return found.first()

    async def tokens(self, held: LoginSession, token_hash: bytes) -> tuple[RefreshToken, RefreshToken, datetime]:
        """Return the token of this hash, the live token, and the time: as they are after `lock_by_token` waited."""
        found = await self._database.exec(
            select(RefreshToken, func.clock_timestamp()).where(
                RefreshToken.session_id == held.id,
                or_(col(RefreshToken.token_hash) == token_hash, col(RefreshToken.generation) == held.generation),
            )
        )
        rows = found.all()
        presented = next(token for token, _ in rows if token.token_hash == token_hash)
        live = next(token for token, _ in rows if token.generation == held.generation)
        return presented, live, rows[0][1]

    async def save(self, *new_tokens: RefreshToken) -> None:
        """Store `new_tokens`, and what was changed of the session and the tokens that were read."""
        self._database.add_all(new_tokens)
        await self._database.flush()

    async def is_live(self, session_id: UUID, user_id: UUID) -> bool:
        """Whether this session of this user has neither ended nor expired."""
        found = await self._database.exec(
            select(LoginSession.id).where(LoginSession.id == session_id, *_is_live(user_id))
        )
        return found.first() is not None

    async def is_fresh(self, session_id: UUID, within: timedelta) -> bool:
        """Whether the user of this session has proved who they are not longer ago than `within`."""
        found = await self._database.exec(
            select(LoginSession.id).where(
                LoginSession.id == session_id, col(LoginSession.auth_time) >= func.clock_timestamp() - within
            )
        )
        return found.first() is not None

    async def live(self, user_id: UUID) -> list[LoginSession]:
        """Return the user's sessions that have neither ended nor expired, the newest first."""
        found = await self._database.exec(
            select(LoginSession).where(*_is_live(user_id)).order_by(col(LoginSession.id).desc())
        )
        return list(found)

    async def live_beyond(self, user_id: UUID, newest: int) -> list[UUID]:
        """Return those that are live beside as many that were seen after them, in the order in which to lock them."""
        found = await self._database.exec(
            select(LoginSession.id)
            .where(*_is_live(user_id))
            .order_by(col(LoginSession.last_seen_at).desc(), col(LoginSession.id).desc())
            .offset(newest)
        )
        return sorted(found)

    async def find_by_token(self, token_hash: bytes) -> SessionOf | None:
        """Return whose session this token was ever given to."""
        found = await self._database.exec(
            select(LoginSession.id, LoginSession.user_id)
            .join(RefreshToken, col(RefreshToken.session_id) == col(LoginSession.id))
            .where(RefreshToken.token_hash == token_hash)
        )
        row = found.first()
        return SessionOf(*row) if row else None

    async def end(self, user_id: UUID, reason: str, *, only: UUID | None = None, but: UUID | None = None) -> list[UUID]:
        """End the user's sessions that have not ended: `only` this one, all `but` this one, or all; return which."""
        open_ones = (
            select(LoginSession.id)
            .where(LoginSession.user_id == user_id, col(LoginSession.ended_at).is_(None))
            .order_by(col(LoginSession.id))
            .with_for_update(key_share=True)
        )
        open_ones = open_ones if only is None else open_ones.where(LoginSession.id == only)
        open_ones = open_ones if but is None else open_ones.where(LoginSession.id != but)
        # Locked first, and in the order of their ids: two that end several would else wait for each other.
        ended = list(await self._database.exec(open_ones))
        if ended:
            await self._database.exec(
                update(LoginSession)
                .where(col(LoginSession.id).in_(ended))
                .values(ended_at=func.clock_timestamp(), end_reason=reason)
            )
        return ended


def _is_live(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    now = func.clock_timestamp()
    return (
        col(LoginSession.user_id) == user_id,
        col(LoginSession.ended_at).is_(None),
        col(LoginSession.idle_expires_at) > now,
        col(LoginSession.absolute_expires_at) > now,
    )


async def sweep_sessions(sessions: Sessions) -> int:
    """Delete sessions that no refresh token can renew any more, with their tokens; return how many.

    Raises what `transaction` raises, as `sweep_refresh_tokens` does.
    """
    table = core(LoginSession)
    return await delete_old(sessions, table, table.c.absolute_expires_at < func.now(), sweep="sessions")


async def sweep_refresh_tokens(sessions: Sessions) -> int:
    """Delete refresh tokens that were used long ago, and return how many."""
    table, before = core(RefreshToken), func.now() - USED_TOKENS_KEPT
    # By the time of issue too, which is the earlier one and has an index.
    is_old = (table.c.issued_at < before) & (table.c.used_at < before)
    return await delete_old(sessions, table, is_old, sweep="refresh_tokens")
