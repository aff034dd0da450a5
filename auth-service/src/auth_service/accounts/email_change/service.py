"""The rules of another address: who may ask for it, and what makes it the account's."""

from typing import Annotated

from fastapi import Depends, Response

from auth_service.accounts.credentials import keep_password
from auth_service.accounts.email_change.repository import AddressRepository
from auth_service.accounts.email_change.schemas import EmailChange
from auth_service.accounts.errors import EmailTaken
from auth_service.accounts.repository import AccountRepository
from auth_service.accounts.service import KnownLogin, norm
from auth_service.audit import Audit, Audited, AuditLog
from auth_service.one_time import InvalidOrExpiredToken, OneTime, OneTimeService, Use
from auth_service.outbox import Mail, ask_for_mail
from auth_service.passwords.proof import Checked, PasswordProof, Proofs
from auth_service.sessions import Caller
from auth_service.throttles import Limit, Limits, LimitsDep
from shared.database import Session
from shared.request_session import SessionDep
from shared.tokens import InvalidToken, Reason

__all__ = ["Asker", "Confirmer", "EmailChangeAsker", "EmailChangeConfirmer"]


class EmailChangeAsker:
    """Asks for another address of the caller's account, in one transaction."""

    def __init__(self, database: Session, limits: Limits, passwords: PasswordProof, audit: AuditLog) -> None:
        self._database = database
        self._limits = limits
        self._passwords = passwords
        self._audit = audit

    async def count(self, caller: Caller, change: EmailChange) -> Response | None:
        """Count the try as a login's and as a mail's; return the answer to give when it is one too many."""
        # The caller was only read: neither Redis nor a thread is waited for with a connection in hand.
        await self._database.rollback()
        return await self._limits.count(Limit.MAILS_ASKED, password_of=caller.account.email, mail_to=change.new_email)

    async def ask(self, caller: Caller, change: EmailChange) -> bool:
        """Let both addresses be written to; False, written down, when the password is another one.

        Nothing is read about the new address: whether it has an account, the worker finds out. A refusal is to be
        returned, not raised. Raises `Overloaded`.
        """
        account = caller.account
        checked = await self._passwords.check(account.email, change.password)
        known = checked.proven
        if known is None or known.user_id != account.id or not await self._is_still_right(checked, known):
            await self._passwords.note_failure(checked)
            return False
        self._passwords.note_success(account.email)
        await self._audit.record(Audited.EMAIL_CHANGE_ASKED, account.id, caller.session_id)
        await ask_for_mail(self._database, Mail.CHANGE_EMAIL, {"new_email": change.new_email}, user_id=account.id)
        await ask_for_mail(self._database, Mail.EMAIL_CHANGE_ASKED, user_id=account.id)
        return True

    async def _is_still_right(self, checked: Checked, known: KnownLogin) -> bool:
        # As for a login, a known device leaves alone what others have tried.
        forgets_failures = not checked.is_known_device
        return await keep_password(self._database, known, checked.new_hash, forgets_failures=forgets_failures)


class EmailChangeConfirmer:
    """Gives the caller's account the address that the link was sent to, in one transaction."""

    def __init__(self, database: Session, limits: Limits, one_time: OneTimeService, audit: AuditLog) -> None:
        self._database = database
        self._limits = limits
        self._accounts = AccountRepository(database)
        self._one_time = one_time
        self._audit = audit

    async def count(self) -> Response | None:
        """Count the try; return the answer to give when it is one too many."""
        # The caller was only read: Redis is not waited for with a connection in hand.
        await self._database.rollback()
        return await self._limits.count(Limit.ONE_TIME_TOKENS)

    async def confirm(self, caller: Caller, token: str) -> None:
        """Use the link up and change the address; every link that was mailed to the former one is void.

        Raises `InvalidOrExpiredToken`, also for somebody else's link, which stays as it is, `EmailTaken` when an
        account has got the address since, and `InvalidToken` when the caller's account was ended meanwhile.
        """
        # The account before its token, as the worker does that makes one.
        user = await self._accounts.lock_as_read(caller.account.id, caller.account.token_version)
        if user is None:
            raise InvalidToken(Reason.ENDED)
        found = await self._one_time.peek(token, Use.CHANGE_EMAIL)
        if found is None or found.user_id != user.id or await self._one_time.consume(token, Use.CHANGE_EMAIL) is None:
            raise InvalidOrExpiredToken
        old_email, new_email = user.email, str(found.payload["new_email"])
        if not await AddressRepository(self._database).change(user.id, new_email, norm(new_email)):
            raise EmailTaken
        await self._one_time.kill(user.id, *Use)
        await self._audit.record(Audited.EMAIL_CHANGED, user.id, caller.session_id)
        await ask_for_mail(self._database, Mail.EMAIL_CHANGED, {"old_email": old_email}, user_id=user.id)


async def asker(database: SessionDep, limits: LimitsDep, passwords: Proofs, audit: Audit) -> EmailChangeAsker:
    """Return what asks for another address, in this request's transaction."""
    return EmailChangeAsker(database, limits, passwords, audit)


async def confirmer(database: SessionDep, limits: LimitsDep, one_time: OneTime, audit: Audit) -> EmailChangeConfirmer:
    """Return what changes addresses, in this request's transaction."""
    return EmailChangeConfirmer(database, limits, one_time, audit)


Asker = Annotated[EmailChangeAsker, Depends(asker)]
"""Asks for another address of the caller's account."""

Confirmer = Annotated[EmailChangeConfirmer, Depends(confirmer)]
"""Gives the caller's account another address."""
