"""The table of what must happen after a commit: mails, revocations, and what other services hear of."""

from auth_service.tables import Table
from shared.outbox import OutboxColumns

__all__ = ["Outbox"]


class Outbox(OutboxColumns, Table, table=True):
    """What happened to accounts and sessions and still has to be told, or was."""

    __tablename__ = "outbox"
