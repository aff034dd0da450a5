"""The cookie by which a browser is known again in which somebody has registered, when they follow the link there."""

import hmac
import os
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request, Response

from auth_service.browser import AskedDelivery, Delivery, HostCookie

__all__ = ["SignUpCookie", "SignUpCookieDep"]

SECRET_BYTES = 32
SECONDS = 24 * 3600


class SignUpCookie:
    """A random value, of which the registration stores a hash. Each registration has one of its own.

    A value that the browser brings is never used for another registration: whoever has planted it would know it.
    """

    def __init__(self, request: Request, delivery: Delivery) -> None:
        self._request = request
        self._delivery = delivery
        self._cookie = HostCookie(request.app.state.settings, "todo_signup")

    def bind(self, response: Response) -> bytes | None:
        """Let `response` mark its browser; return what is stored with the registration, None for an app."""
        if self._delivery is Delivery.BODY:
            return None
        value = urlsafe_b64encode(os.urandom(SECRET_BYTES)).rstrip(b"=").decode()
        self._cookie.set(response, value, SECONDS)
        return _digest(value)

    def presents(self, binding_hash: bytes | None) -> bool:
        """Whether the request comes from the browser that was marked when this was stored."""
        value = self._cookie.read(self._request)
        return value is not None and binding_hash is not None and hmac.compare_digest(_digest(value), binding_hash)


def _digest(value: str) -> bytes:
    # The value has 256 bits of chance, so a plain hash hides it.
    return sha256(value.encode()).digest()


async def sign_up_cookie(request: Request, delivery: AskedDelivery) -> SignUpCookie:
    """Return the cookie of this request's browser."""
    return SignUpCookie(request, delivery)


SignUpCookieDep = Annotated[SignUpCookie, Depends(sign_up_cookie)]
"""The cookie of a browser in which somebody has registered."""
