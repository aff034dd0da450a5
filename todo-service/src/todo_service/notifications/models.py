"""The table of events that someone must hear of."""

from shared.outbox import OutboxColumns
from todo_service.tables import Table

__all__ = ["Outbox"]


class Outbox(OutboxColumns, Table, table=True):
    """What happened to a user's todos and still has to be mailed, or was."""

    __tablename__ = "outbox"
