"""The cookie by which a browser is known again where the owner of an account has logged in.

It opens nothing. A login that brings it is counted apart from those of strangers, so that their guessing does not lock
the owner out.
"""

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Request, Response

from auth_service.accounts import norm
from auth_service.browser import HostCookie
from auth_service.settings import AuthSettings

__all__ = ["DeviceCookie", "DeviceCookieDep"]

NONCE_BYTES = 16
SECONDS = 180 * 24 * 3600


class DeviceCookie:
    """A nonce, and a MAC over it and the account's address: nobody can make one, or use theirs for another account.

    The address stands for the account, because a login must be counted before anything is read about it. The cookie
    shows neither. MACs are made with the first of `keys` and known again with any of them.
    """

    def __init__(self, settings: AuthSettings, keys: Iterable[bytes]) -> None:
        self._cookie = HostCookie(settings, "todo_device")
        self._keys = tuple(keys)

    def mark(self, response: Response, email: str) -> None:
        """Let `response` make its browser known as one of this account's."""
        nonce = os.urandom(NONCE_BYTES)
        self._cookie.set(response, _text(nonce + _mac(self._keys[0], nonce, email)), SECONDS)

    def knows(self, request: Request, email: str) -> bool:
        """Whether `request` comes from a browser that was marked for this account."""
        raw = _bytes(self._cookie.read(request) or "")
        nonce, mac = raw[:NONCE_BYTES], raw[NONCE_BYTES:]
        return any(hmac.compare_digest(_mac(key, nonce, email), mac) for key in self._keys)


def _mac(key: bytes, nonce: bytes, email: str) -> bytes:
    # The nonce has a fixed length when it is made: no other one and address give the same bytes.
    return hmac.digest(key, nonce + norm(email).encode(), "sha256")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


async def device_cookie(request: Request) -> DeviceCookie:
    """Return the cookie as the settings shape it."""
    cookie: DeviceCookie = request.app.state.device_cookie
    return cookie


DeviceCookieDep = Annotated[DeviceCookie, Depends(device_cookie)]
"""The cookie by which a browser is known again."""
