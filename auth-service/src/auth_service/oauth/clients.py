"""Who calls: apps, which have no secret and say so, and services, which prove themselves by HTTP Basic (RFC 7617)."""

import hmac
from base64 import b64decode
from hashlib import sha256
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase

from auth_service.oauth.errors import InvalidClient, InvalidRequest
from auth_service.settings import AuthSettings, IntrospectionClient

__all__ = ["FROM_AN_APP", "FROM_A_SERVICE"]


async def refuse_credentials(request: Request) -> None:
    """Raise `InvalidClient` for a client that authenticates itself: nothing could check it (RFC 6749 section 5.2)."""
    if "authorization" in request.headers:
        raise InvalidClient("Apps have no secret here: send no Authorization")


FROM_AN_APP = [Depends(refuse_credentials)]
"""For routes whose clients authenticate themselves by `none`."""


class ServiceCredentials(SecurityBase):
    """The dependency that lets in whom INTROSPECTION_CLIENTS names, and their scheme on the docs page."""

    def __init__(self) -> None:
        self.scheme_name = "HTTPBasic"
        self.model = HTTPBase(scheme="basic", description="The id and secret of a service in INTROSPECTION_CLIENTS.")

    async def __call__(self, request: Request) -> None:
        """Raise `InvalidClient` for anybody else, `InvalidRequest` for who says two things."""
        fields = request.headers.getlist("authorization")
        if len(fields) > 1:
            raise InvalidRequest("There is more than one Authorization field")
        client_id, secret = _basic(fields[0] if fields else "")
        settings: AuthSettings = request.app.state.settings
        if not _are_known(settings.introspection_clients, client_id, secret):
            raise InvalidClient


FROM_A_SERVICE = [Depends(ServiceCredentials())]
"""For routes whose clients authenticate themselves by `client_secret_basic`."""


def _basic(field: str) -> tuple[bytes, bytes]:
    """Return id and secret as they were sent, empty when they are not readable."""
    scheme, _, encoded = field.strip().partition(" ")
    try:
        raw = b64decode(encoded.strip(" ").encode("ascii"), validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        return b"", b""
    client_id, _, secret = raw.partition(b":")
    return client_id, secret


def _are_known(known: tuple[IntrospectionClient, ...], client_id: bytes, secret: bytes) -> bool:
    """Whether `secret` is that of `client_id`. How long it takes depends on neither.

    RFC 6749 section 2.3.1 wants both form-encoded before they are put together, and half of the libraries do not.
    Ids are the same either way (see `IntrospectionClient`), so both readings of the secret are tried.
    """
    digests = [sha256(one).digest() for one in (secret, unquote_to_bytes(secret.replace(b"+", b" ")))]
    matches = [
        hmac.compare_digest(client.client_id.encode(), client_id) & hmac.compare_digest(client.secret_sha256, digest)
        for client in known
        for digest in digests
    ]
    return any(matches)
