"""Opening a session for the client that is asking, after it has proved who its user is."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import Depends, Request, Response

from auth_service.accounts import Account
from auth_service.audit import Audit, Audited
from auth_service.browser import AskedDelivery, Delivery
from auth_service.devices import DeviceCookieDep
from auth_service.sessions.handover import Handover, HandoverDep
from auth_service.sessions.schemas import TokenResponse
from auth_service.sessions.service import Client, SessionService
from shared.caller import client_address
from shared.request_session import SessionDep

__all__ = ["Opener", "SessionOpener", "SessionsDep"]


async def session_service(request: Request, database: SessionDep, audit: Audit) -> SessionService:
    """Return the sessions, in this request's transaction."""
    return SessionService(database, request.app.state.refresh_tokens, request.app.state.refresh_turns, audit)


SessionsDep = Annotated[SessionService, Depends(session_service)]
"""All users' sessions, in this request's transaction."""


class SessionOpener:
    """Opens sessions for this request's client, and lets its browser be known again."""

    def __init__(
        self, sessions: SessionService, client: Client, handover: Handover, mark_device: Callable[[str], None]
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._handover = handover
        self._mark_device = mark_device

    async def open(self, account: Account, why: Audited, *, remember: bool = False) -> TokenResponse:
        """Open a session of `account`, which is locked or new, and return its tokens; `why` is written down."""
        answer = self._handover.answer(await self._sessions.open(account, self._client, why, remember=remember))
        if self._client.delivery is Delivery.COOKIE:
            self._mark_device(account.email)
        return answer


async def mark_device(response: Response, device: DeviceCookieDep) -> Callable[[str], None]:
    """Return what lets this request's browser be known again for the account of an address."""
    return partial(device.mark, response)


async def session_opener(
    request: Request,
    sessions: SessionsDep,
    delivery: AskedDelivery,
    handover: HandoverDep,
    mark_device: Annotated[Callable[[str], None], Depends(mark_device)],
) -> SessionOpener:
    """Return what opens sessions for this request's client."""
    address = client_address(request, request.app.state.settings.trusted_proxies)
    client = Client(delivery, address, request.headers.get("user-agent"))
    return SessionOpener(sessions, client, handover, mark_device)


Opener = Annotated[SessionOpener, Depends(session_opener)]
"""Opens sessions for this request's client."""
