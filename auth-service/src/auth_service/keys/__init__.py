"""Signing keys and the access tokens that they sign. Other features ask for tokens through `TokenIssuer`.

`python -m auth_service.keys --help` shows what an operator can do.
"""

from auth_service.keys.issuing import IssuedToken, TokenIssuer, TokenSubject
from auth_service.keys.keyring import KeyRing
from auth_service.keys.rotation import move_keys
from auth_service.keys.sealing import Seal

__all__ = ["IssuedToken", "KeyRing", "Seal", "TokenIssuer", "TokenSubject", "move_keys"]
