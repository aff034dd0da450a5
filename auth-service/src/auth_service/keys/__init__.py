"""Signing keys and the access tokens that they sign. Other features ask for tokens through `TokenIssuer`."""

from auth_service.keys.issuing import IssuedToken, TokenIssuer, TokenSubject
from auth_service.keys.keyring import KeyRing

__all__ = ["IssuedToken", "KeyRing", "TokenIssuer", "TokenSubject"]
