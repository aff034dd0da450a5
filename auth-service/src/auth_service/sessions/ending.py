"""The one way in which sessions end before their time: here, and at every service that verifies access tokens."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import Depends

from auth_service.accounts import end_tokens, lock_account
from auth_service.audit import Audit, Audited, AuditLog
from auth_service.outbox import tell_session_ended, tell_tokens_ended
from auth_service.sessions.repository import SessionRepository
from shared.database import Session
from shared.request_session import SessionDep

__all__ = ["EndReason", "Ender", "SessionEnder"]


class EndReason(StrEnum):
    """Why a session ended. It is stored with the session."""

    LOGOUT = "logout"
    REVOKED = "revoked"
    """Its user has taken it off the list."""
    LOGOUT_ALL = "logout_all"
    LIMIT = "limit"
    """Its user has opened too many after it."""
    REFRESH_REUSE = "refresh_reuse"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a reason
    PASSWORD_RESET = "password_reset"  # noqa: S105  # a reason
    DELETION = "deletion"

    @property
    def audited(self) -> Audited:
        """What is written down about it."""
        match self:
            case EndReason.LOGOUT:
                return Audited.LOGOUT
            case EndReason.REFRESH_REUSE:
                return Audited.REFRESH_REUSE
            case _:
                return Audited.SESSION_ENDED


class SessionEnder:
    """Ends sessions, in one transaction."""

    def __init__(self, database: Session, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    async def end(self, user_id: UUID, why: EndReason, *, only: UUID | None = None, but: UUID | None = None) -> int:
        """End the open sessions of a user: `only` this one, all `but` this one, or all; return how many were open.

        Each is written down, and when the transaction has committed every service hears of it and refuses their access
        tokens; with neither `only` nor `but` it refuses all tokens that the user was given before.
        The user's row is locked first, then the sessions by their ids. For `only` one the user's is left alone, so
        that whoever holds a session already can end it.
        """
        ends_all = only is None and but is None
        if ends_all:
            await tell_tokens_ended(self._database, user_id, await end_tokens(self._database, user_id))
        elif but is not None:
            await lock_account(self._database, user_id)
        ended = await SessionRepository(self._database).end(user_id, why, only=only, but=but)
        for session_id in ended:
            await self._audit.record(why.audited, user_id, session_id, reason=why.value)
            if not ends_all:
                await tell_session_ended(self._database, session_id, user_id)
        return len(ended)


async def session_ender(database: SessionDep, audit: Audit) -> SessionEnder:
    """Return what ends sessions, in this request's transaction."""
    return SessionEnder(database, audit)


Ender = Annotated[SessionEnder, Depends(session_ender)]
"""Ends sessions on behalf of this request's client."""
