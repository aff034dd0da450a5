"""The worker's part: what is left of an account after its grace days is that there was one."""

from auth_service.accounts.deletion.repository import DeletionRepository
from auth_service.audit import Actor, Audited, AuditLog, Source
from auth_service.outbox import tell_user_deleted
from shared.database import Sessions, transaction

__all__ = ["purge_accounts"]


async def purge_accounts(sessions: Sessions) -> int:
    """Delete every account whose grace days are over, and return how many; raises what `transaction` raises.

    Each is one transaction: all of it is gone, written down and told to every service, or nothing has happened.
    """
    purged = 0
    while await _purge_next(sessions):
        purged += 1
    return purged


async def _purge_next(sessions: Sessions) -> bool:
    async with transaction(sessions) as database:
        accounts = DeletionRepository(database)
        due = await accounts.take_due()
        if due is None:
            return False
        await accounts.remove(due)
        audit = AuditLog(database, Source(Actor.WORKER))
        # After the removal, which waits for whoever was just refused a login and has written that down.
        await audit.strip(due.user_id)
        await audit.record(Audited.PURGED, due.user_id)
        await tell_user_deleted(database, due.user_id)
    return True
