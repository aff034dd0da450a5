"""What follows when an account has another password."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from auth_service.audit import Audit, Audited, AuditLog
from auth_service.one_time import OneTime, OneTimeService, Use
from auth_service.outbox import Mail, ask_for_mail
from auth_service.sessions import Caller, Ender, EndReason, SessionEnder
from shared.database import Session
from shared.request_session import SessionDep

__all__ = ["Aftermath", "AftermathDep"]


class Aftermath:
    """Ends what the former password had opened, in the transaction that stores the new one.

    The account is locked. What happened is written down and mailed.
    """

    def __init__(self, database: Session, one_time: OneTimeService, ender: SessionEnder, audit: AuditLog) -> None:
        self._database = database
        self._one_time = one_time
        self._ender = ender
        self._audit = audit

    async def of_change(self, caller: Caller, *, revoke_others: bool) -> None:
        """Void the links that reset it, and with `revoke_others` end all sessions but the caller's."""
        user_id = caller.account.id
        await self._one_time.kill(user_id, Use.RESET_PASSWORD)
        if revoke_others:
            await self._ender.end(user_id, EndReason.PASSWORD_CHANGED, but=caller.session_id)
        await self._tell(Audited.PASSWORD_CHANGED, user_id, caller.session_id)

    async def of_reset(self, user_id: UUID) -> None:
        """Void every link that was mailed, and end all sessions: somebody else may have asked for them."""
        await self._one_time.kill(user_id, *Use)
        await self._ender.end(user_id, EndReason.PASSWORD_RESET)
        await self._tell(Audited.PASSWORD_RESET, user_id)

    async def _tell(self, what: Audited, user_id: UUID, session_id: UUID | None = None) -> None:
        await self._audit.record(what, user_id, session_id)
        await ask_for_mail(self._database, Mail.PASSWORD_CHANGED, user_id=user_id)


async def aftermath(database: SessionDep, one_time: OneTime, ender: Ender, audit: Audit) -> Aftermath:
    """Return what follows another password, in this request's transaction."""
    return Aftermath(database, one_time, ender, audit)


AftermathDep = Annotated[Aftermath, Depends(aftermath)]
"""What follows another password."""
