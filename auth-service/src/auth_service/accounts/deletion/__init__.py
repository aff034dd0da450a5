"""The end of an account: asked for by its owner, taken back by a login within the grace days, then final.

Routes are imported by name: they need sessions, which need what is named here.
"""

from auth_service.accounts.deletion.purge import purge_accounts
from auth_service.accounts.deletion.restoring import restore_account

__all__ = ["purge_accounts", "restore_account"]
