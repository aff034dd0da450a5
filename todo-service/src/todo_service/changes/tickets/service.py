"""Giving tickets out, and taking them."""

import math
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from shared.database import Sessions, transaction
from shared.tokens import Principal
from todo_service.changes.tickets.errors import InvalidTicket
from todo_service.changes.tickets.repository import Stored, TicketRepository

__all__ = ["LIFETIME", "Tickets"]

LIFETIME = timedelta(seconds=30)
SECRET_BYTES = 32
MAX_TICKET_CHARACTERS = 2048


class Tickets:
    """The tickets of all users. A transaction of its own for each, because none may outlive the stream's beginning."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def give(self, user: Principal) -> str:
        """Return a ticket for the user's events, good once within `LIFETIME`; raises what `transaction` raises."""
        secret = secrets.token_bytes(SECRET_BYTES)
        ends_at = None if math.isinf(user.expires_at) else user.expires_at
        # By the last three the stream ends with the session, like the token itself.
        claims: dict[str, object] = {"expires_at": ends_at, "sid": user.sid, "ver": user.ver, "kid": user.kid}
        stored = Stored(datetime.now(UTC) + LIFETIME, claims)
        async with transaction(self._sessions) as session:
            await TicketRepository(session, user.id).add(sha256(secret).digest(), stored)
        # The user is named in it, so that it is looked for among their tickets only.
        return f"{_encoded(user.id.encode())}.{_encoded(secret)}"

    async def take(self, ticket: str) -> Principal:
        """Return whom the ticket names; their stream ends with the token that it was bought with, or its session.

        Raises `InvalidTicket`, also the second time, and what `transaction` raises.
        """
        user_id, secret = _parts(ticket)
        async with transaction(self._sessions) as session:
            stored = await TicketRepository(session, user_id).take(sha256(secret).digest())
        if stored is None or stored.expires_at <= datetime.now(UTC):
            raise InvalidTicket
        return _bought_by(user_id, stored.claims)


def _bought_by(user_id: str, claims: Mapping[str, object]) -> Principal:
    ends_at, sid, ver, kid = (claims.get(name) for name in ("expires_at", "sid", "ver", "kid"))
    return Principal(
        user_id,
        scopes=None,
        sid=sid if isinstance(sid, str) else None,
        ver=ver if isinstance(ver, int) else None,
        kid=kid if isinstance(kid, str) else None,
        expires_at=ends_at if isinstance(ends_at, int | float) else math.inf,
    )


def _parts(ticket: str) -> tuple[str, bytes]:
    user, _, secret = ticket.partition(".")
    try:
        if len(ticket) > MAX_TICKET_CHARACTERS:
            raise InvalidTicket
        user_id, content = _decoded(user).decode(), _decoded(secret)
    except ValueError:
        raise InvalidTicket from None
    if "\0" in user_id or len(content) != SECRET_BYTES:
        raise InvalidTicket
    return user_id, content


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    # Python skips what is not of the alphabet; what it would not write itself is not ours.
    if _encoded(content) != text:
        raise ValueError
    return content
