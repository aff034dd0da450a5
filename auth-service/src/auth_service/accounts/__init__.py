"""People's accounts. What other features may ask of them is named here."""

from auth_service.accounts.addressees import Addressee, Addressees, Applicant
from auth_service.accounts.credentials import count_failure, replace_password, reset_password
from auth_service.accounts.registration.repository import sweep_registrations
from auth_service.accounts.schemas import EmailAddress, UserBrief
from auth_service.accounts.service import (
    Account,
    KnownLogin,
    active_account,
    confirm_login,
    end_tokens,
    find_login,
    lock_account,
    norm,
    open_account,
)

__all__ = [
    "Account",
    "Addressee",
    "Addressees",
    "Applicant",
    "EmailAddress",
    "KnownLogin",
    "UserBrief",
    "active_account",
    "confirm_login",
    "count_failure",
    "end_tokens",
    "find_login",
    "lock_account",
    "norm",
    "open_account",
    "replace_password",
    "reset_password",
    "sweep_registrations",
]
