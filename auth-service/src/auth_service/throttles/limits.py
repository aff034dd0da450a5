"""The limits as they bear on one request: who asks, from where, on which device."""

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_network
from typing import Annotated

from fastapi import Depends, Request, Response

from auth_service.accounts import norm
from auth_service.audit import Audit, Audited, AuditLog
from auth_service.devices import DeviceCookie, DeviceCookieDep
from auth_service.throttles.errors import RateLimited
from auth_service.throttles.rules import Bucket, Limit, Refusal
from auth_service.throttles.throttles import Throttles
from shared.caller import client_address
from shared.database import Session
from shared.problem_responses import problem_response
from shared.request_session import SessionDep

__all__ = ["Limits", "LimitsDep"]

IPV6_PREFIX = 64
"""What one household or machine has; within it everybody takes any address."""


class Limits:
    """Counts what this request tries."""

    def __init__(self, request: Request, device: DeviceCookie, database: Session, audit: AuditLog) -> None:
        self._request = request
        self._device = device
        self._database = database
        self._audit = audit
        self._throttles: Throttles = request.app.state.throttles

    async def count(
        self,
        by_address: Limit | None = None,
        *,
        password_of: str | None = None,
        mail_to: str | None = None,
        reset_to: str | None = None,
    ) -> Response | None:
        """Count this attempt, before it is made; return the answer to give instead when it is one too many.

        It is counted for the client address under `by_address`; as a password tried for the account `password_of`; as
        a mail to `mail_to`, or one that resets the password, to `reset_to`; addresses as they are typed. The answer is
        to be returned, not raised: the first refusal is written down. Call it before the first query: a network call
        holds no connection, let alone a lock.
        """
        per_account = {Limit.MAILS_TO: mail_to, Limit.RESETS_TO: reset_to}
        buckets = [self._for_account(limit, email) for limit, email in per_account.items() if email is not None]
        return await self._answer(await self._throttles.count(*self._buckets(by_address, password_of), *buckets))

    async def look(self, by_address: Limit) -> Response | None:
        """Return the answer to give when there were too many from this client address; for `count_afterwards`."""
        return await self._answer(await self._throttles.look(*self._buckets(by_address)))

    def count_afterwards(self, by_address: Limit) -> None:
        """Count this attempt, of which only now is known that it counts, once the transaction has ended."""

        async def count() -> None:
            await self._throttles.count(*self._buckets(by_address))

        self._database.on_end(count)

    def knows_device(self, email: str) -> bool:
        """Whether the request comes from a device where the owner of the account has logged in before."""
        return self._device.knows(self._request, email)

    def password_was_right(self, email: str) -> None:
        """Forget the passwords tried for the account on devices like this, once the transaction has committed."""
        self._clear(self._passwords(email))

    def password_was_reset(self, email: str) -> None:
        """Forget all passwords tried for the account, once the transaction has committed."""
        self._clear(*(self._for_account(limit, email) for limit in (Limit.PASSWORDS, Limit.PASSWORDS_ON_DEVICE)))

    async def _answer(self, refusal: Refusal | None) -> Response | None:
        if refusal is None:
            return None
        if refusal.is_first:
            await self._audit.record(Audited.THROTTLED, limit=refusal.limit.value)
        return problem_response(RateLimited(refusal.seconds), self._request.scope)

    def _buckets(self, by_address: Limit | None, password_of: str | None = None) -> Iterator[Bucket]:
        if by_address is not None:
            yield self._throttles.bucket(by_address, _network(self._request))
        if password_of is not None:
            yield self._passwords(password_of)

    def _passwords(self, email: str) -> Bucket:
        limit = Limit.PASSWORDS_ON_DEVICE if self.knows_device(email) else Limit.PASSWORDS
        return self._for_account(limit, email)

    def _for_account(self, limit: Limit, email: str) -> Bucket:
        return self._throttles.bucket(limit, norm(email))

    def _clear(self, *buckets: Bucket) -> None:
        async def clear() -> None:
            if self._database.has_committed:
                await self._throttles.clear(*buckets)

        self._database.on_end(clear)


def _network(request: Request) -> str:
    address = client_address(request, request.app.state.settings.trusted_proxies)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_PREFIX), strict=False))
    return str(address)


async def limits(request: Request, device: DeviceCookieDep, database: SessionDep, audit: Audit) -> Limits:
    """Return what counts the attempts of this request."""
    return Limits(request, device, database, audit)


LimitsDep = Annotated[Limits, Depends(limits)]
"""Counts what this request tries."""
