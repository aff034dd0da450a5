"""Who is calling: the user of the access token, their scopes, and the address they call from."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Annotated

import structlog
from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from shared.problems import BadRequest, Forbidden
from shared.tokens import InvalidToken, KeysUnavailable, MissingToken, Principal, bearer_token
from shared.tokens.verifier import Verifier

__all__ = [
    "CALLER_PROBLEMS",
    "SAFE_METHODS",
    "BearerToken",
    "CurrentUser",
    "InsufficientScope",
    "RepeatedAuthorization",
    "client_address",
    "require_scope",
]

Address = IPv4Address | IPv6Address

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Those that change nothing (RFC 9110 section 9.2.1)."""


class RepeatedAuthorization(BadRequest):
    """The request has more than one `Authorization` field, so it does not say who is calling."""

    code, title = "repeated_authorization", "Repeated Authorization field"


class InsufficientScope(Forbidden):
    """The access token does not include the scope that this needs."""

    code, title = "insufficient_scope", "Insufficient scope"

    def __init__(self, scope: str) -> None:
        """Name the scope that is needed (RFC 6750 section 3.1)."""
        challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
        super().__init__(
            f"The access token does not include the scope {scope}.", headers={"WWW-Authenticate": challenge}
        )


CALLER_PROBLEMS = (RepeatedAuthorization, MissingToken, InvalidToken, KeysUnavailable)
"""What asking for `CurrentUser` can answer, for `responses=documents(*CALLER_PROBLEMS)`."""


class BearerToken(SecurityBase):
    """The dependency behind `CurrentUser`, and the scheme `HTTPBearer` that puts "Authorize" on the docs page.

    It stands in for FastAPI's own `HTTPBearer`, which takes the first of two Authorization fields and, as a dependency
    of its own below ours, costs each request 10 microseconds for nothing.
    """

    def __init__(self, scope: str | None = None) -> None:
        self._scope = scope
        self.scheme_name = "HTTPBearer"
        self.model = HTTPBearer(
            bearerFormat="JWT",
            description="An access token: the `access_token` of a login or registration, or one from Better Auth.",
        )

    async def __call__(self, request: Request) -> Principal:
        """Return whom the request's token names, by the verifier at `app.state.verifier`.

        Raises `RepeatedAuthorization`, `MissingToken`, what `Verifier.verify` raises, `InsufficientScope`, and, for a
        request that may change something, `RevocationsStale`.
        """
        verifier: Verifier = request.app.state.verifier
        try:
            user = await verifier.verify(_token(request))
        except InvalidToken as refusal:
            structlog.contextvars.bind_contextvars(token_refused=refusal.reason.value)
            raise
        request.state.user_id = user.id
        structlog.contextvars.bind_contextvars(user=user.id)
        if self._scope is not None and user.scopes is not None and self._scope not in user.scopes:
            raise InsufficientScope(self._scope)
        if request.method not in SAFE_METHODS:
            verifier.revocations.admit_write(user)
        return user


CurrentUser = Annotated[Principal, Depends(BearerToken())]
"""The user who is calling. Asking for them requires a valid access token."""


def require_scope(scope: str) -> BearerToken:
    """Return a dependency that gives the user if their token has `scope`, or names none; else `InsufficientScope`."""
    return BearerToken(scope)


def client_address(
    request: Request, trusted_proxies: Iterable[IPv4Network | IPv6Network]
) -> IPv4Address | IPv6Address | None:
    """Return the address that the request came from, None when there is none (a Unix socket).

    A peer in `trusted_proxies` speaks for its client by the one entry of `X-Forwarded-For`; of several entries, anybody
    may have written the first, so they count as none.
    """
    peer = _address(request.client.host if request.client else "")
    if peer is None or not any(peer in network for network in trusted_proxies):
        return peer
    forwarded = request.headers.getlist("x-forwarded-for")
    return (_address(forwarded[0].strip()) if len(forwarded) == 1 else None) or peer


def _token(request: Request) -> str:
    fields = request.headers.getlist("authorization")
    if len(fields) > 1:
        raise RepeatedAuthorization
    return bearer_token(fields[0] if fields else "")


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
