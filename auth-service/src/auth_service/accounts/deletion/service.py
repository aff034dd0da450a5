"""Asking for the end of one's account."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request

from auth_service.accounts.deletion.repository import DeletionRepository
from auth_service.audit import Audit, Audited, AuditLog
from auth_service.one_time import OneTime, OneTimeService, Use
from auth_service.outbox import Mail, ask_for_mail
from auth_service.sessions import Caller, Ender, EndReason, SessionEnder
from shared.database import Session
from shared.request_session import SessionDep
from shared.tokens import InvalidToken, Reason

__all__ = ["AccountDeletion", "Deletion", "Grace"]


class AccountDeletion:
    """Lets accounts go after `grace`, in one transaction."""

    def __init__(self, database: Session, ender: SessionEnder, one_time: OneTimeService, audit: AuditLog) -> None:
        self._database = database
        self._ender = ender
        self._one_time = one_time
        self._audit = audit

    async def ask(self, caller: Caller, grace: timedelta) -> datetime:
        """End whatever opens the caller's account, and return when it is deleted unless its owner logs in before.

        It is written down, and mailed. Raises `InvalidToken` when somebody was faster: the caller's session is over.
        """
        account = caller.account
        purge_after = await DeletionRepository(self._database).mark(account.id, account.token_version, grace)
        if purge_after is None:
            raise InvalidToken(Reason.ENDED)
        await self._one_time.kill(account.id, *Use)
        await self._audit.record(Audited.DELETION_ASKED, account.id, caller.session_id)
        await self._ender.end(account.id, EndReason.DELETION)
        told = {"email": account.email, "purge_after": purge_after.isoformat()}
        await ask_for_mail(self._database, Mail.DELETION_ASKED, told, user_id=account.id)
        return purge_after


async def account_deletion(database: SessionDep, ender: Ender, one_time: OneTime, audit: Audit) -> AccountDeletion:
    """Return what lets accounts go, in this request's transaction."""
    return AccountDeletion(database, ender, one_time, audit)


Deletion = Annotated[AccountDeletion, Depends(account_deletion)]
"""Lets the caller's account go."""


async def grace(request: Request) -> timedelta:
    """Return how long an account can be restored."""
    return timedelta(days=request.app.state.settings.account_grace_days)


Grace = Annotated[timedelta, Depends(grace)]
"""How long an account can be restored."""
