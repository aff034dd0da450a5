"""The end of an account, and of what is kept for a time only."""

from todo_service.changes.purge.reader import DeletedAccounts
from todo_service.changes.purge.repository import owned_tables
from todo_service.changes.purge.service import AccountPurge
from todo_service.changes.purge.sweeps import sweep_expired

__all__ = ["AccountPurge", "DeletedAccounts", "owned_tables", "sweep_expired"]
