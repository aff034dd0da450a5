"""Coming back in time."""

from uuid import UUID

from auth_service.accounts.deletion.repository import DeletionRepository
from auth_service.audit import Audited, AuditLog
from auth_service.outbox import Mail, ask_for_mail
from shared.database import Session

__all__ = ["restore_account"]


async def restore_account(database: Session, audit: AuditLog, user_id: UUID) -> None:
    """Lock the account and take its deletion back, unless it is too late; for whoever has shown that it is theirs.

    It is written down, and mailed. Nothing happens to an account that is not to go: of two who come at once, one
    restores it.
    """
    if await DeletionRepository(database).restore(user_id):
        await audit.record(Audited.RESTORED, user_id)
        await ask_for_mail(database, Mail.RESTORED, user_id=user_id)
