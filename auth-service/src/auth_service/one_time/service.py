"""The rules of one-time tokens: a newer one kills the older, each works once, and guessing beside one ends it."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from auth_service.one_time.models import OneTimeToken
from auth_service.one_time.repository import OneTimeRepository
from auth_service.one_time.tokens import OneTimeTokens, Use
from shared.database import Session
from shared.request_session import SessionDep

__all__ = ["OneTime", "OneTimeService", "Redeemed"]

MOST_FAILURES = 5


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Whose token it was, and what was stored beside it when it was made."""

    user_id: UUID
    payload: dict[str, object]


class OneTimeService:
    """Makes and redeems one-time tokens, in one transaction."""

    def __init__(self, database: Session, tokens: OneTimeTokens) -> None:
        self._stored = OneTimeRepository(database)
        self._tokens = tokens

    async def mint(self, event_id: UUID, user_id: UUID, use: Use, **payload: str) -> str | None:
        """Return the token for the mail that the event `event_id` asks for, and end the user's older ones.

        The same event gets the same token at every try, with its whole lifetime. None when the token was used
        already, or a later one was asked for. The user's row is locked: else two could be made at once.
        """
        if await self._stored.is_outdated(event_id, user_id, use):
            return None
        await self._stored.kill(user_id, [use], but=event_id)
        token = self._tokens.text(use, event_id)
        await self._stored.put(event_id, user_id, use, self._tokens.digest(token), dict(payload))
        return token

    async def consume(self, token: str, use: Use) -> Redeemed | None:
        """Use the token up; None when it is unknown, expired, used, or for another use."""
        return _redeemed(await self._stored.consume(self._tokens.digest(token), use))

    async def peek(self, token: str, use: Use) -> Redeemed | None:
        """Return whose token it is without locking it: for what must be known, or hashed, before it is used up."""
        return _redeemed(await self._stored.peek(self._tokens.digest(token), use))

    async def count_failure(self, token: str, use: Use) -> None:
        """Note that the second proof was wrong: at the fifth time the token ends. The answer must not be raised."""
        if found := await self._stored.lock(self._tokens.digest(token), use):
            await self._stored.count_failure(found, MOST_FAILURES)

    async def kill(self, user_id: UUID, *uses: Use) -> None:
        """End the user's tokens for these uses."""
        await self._stored.kill(user_id, uses)


async def one_time_service(request: Request, database: SessionDep) -> OneTimeService:
    """Return the one-time tokens, in this request's transaction."""
    return OneTimeService(database, request.app.state.one_time_tokens)


OneTime = Annotated[OneTimeService, Depends(one_time_service)]
"""One-time tokens, in this request's transaction."""


def _redeemed(token: OneTimeToken | None) -> Redeemed | None:
    return Redeemed(token.user_id, token.payload) if token else None
