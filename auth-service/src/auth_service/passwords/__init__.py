"""Passwords: which ones may be chosen, and how they are hashed. Other features do both through `PasswordHasher`."""

from auth_service.passwords.errors import Overloaded, WeakPassword
from auth_service.passwords.hashing import HasherDep, PasswordHasher
from auth_service.passwords.policy import PasswordPolicy

__all__ = ["HasherDep", "Overloaded", "PasswordHasher", "PasswordPolicy", "WeakPassword"]
