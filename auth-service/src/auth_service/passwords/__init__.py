"""Passwords: which ones may be chosen, and how they are hashed. Other features do both through `PasswordHasher`."""

from auth_service.passwords.errors import CurrentPasswordInvalid, Overloaded, WeakPassword
from auth_service.passwords.hashing import HasherDep, PasswordHasher
from auth_service.passwords.policy import PasswordPolicy

__all__ = [
    "CurrentPasswordInvalid",
    "HasherDep",
    "Overloaded",
    "PasswordHasher",
    "PasswordPolicy",
    "WeakPassword",
]
