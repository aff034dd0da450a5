"""People's accounts. What other features may ask of them is named here."""

from auth_service.accounts.schemas import EmailAddress, NameText, UserBrief
from auth_service.accounts.service import Account, KnownLogin, active_account, confirm_login, find_login

__all__ = [
    "Account",
    "EmailAddress",
    "KnownLogin",
    "NameText",
    "UserBrief",
    "active_account",
    "confirm_login",
    "find_login",
]
