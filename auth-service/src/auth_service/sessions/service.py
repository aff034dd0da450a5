"""The rules of sessions: how long they last, how refresh tokens renew them, and what ends them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from os import urandom
from uuid import UUID

import structlog

from auth_service.accounts import Account, active_account
from auth_service.audit import Audited, AuditLog
from auth_service.browser import Delivery
from auth_service.outbox import Mail, ask_for_mail
from auth_service.sessions.ending import EndReason, SessionEnder
from auth_service.sessions.models import LoginSession, RefreshToken
from auth_service.sessions.refresh_tokens import SALT_BYTES, RefreshTokens
from auth_service.sessions.repository import SessionOf, SessionRepository
from auth_service.sessions.rotation import Verdict, judge
from auth_service.sessions.turns import Turns
from shared.database import Session
from shared.ids import uuid7

__all__ = ["CLIENT_IDS", "SCOPES", "Client", "Grant", "SessionService"]

SCOPES = ("todos:read", "todos:write")

IDLE = timedelta(days=14)
ABSOLUTE, ABSOLUTE_REMEMBERED = timedelta(days=30), timedelta(days=90)
MOST_SESSIONS = 100
USER_AGENT_CHARACTERS = 512
CLIENT_IDS = {Delivery.COOKIE: "todo-web", Delivery.BODY: "todo-native"}


@dataclass(frozen=True, slots=True)
class Client:
    """From where a session is opened, and how its refresh tokens travel."""

    delivery: Delivery
    address: IPv4Address | IPv6Address | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Grant:
    """An open session whose holder gets tokens: a new access token, and this refresh token."""

    account: Account
    session: LoginSession
    refresh_token: str
    now: datetime

    @property
    def seconds_left(self) -> int:
        """How long the refresh token can be used, if nobody uses it."""
        return int((self.session.idle_expires_at - self.now).total_seconds())


class SessionService:
    """Opens, renews and ends sessions, in one transaction."""

    def __init__(self, database: Session, refresh_tokens: RefreshTokens, turns: Turns, audit: AuditLog) -> None:
        self._database = database
        self._stored = SessionRepository(database)
        self._refresh_tokens = refresh_tokens
        self._turns = turns
        self._audit = audit
        self._ender = SessionEnder(database, audit)

    async def open(self, account: Account, client: Client, why: Audited, *, remember: bool) -> Grant:
        """Open a session for someone who has just proved, as `why` says, who they are; the account is locked or new.

        Beside 99 others: the one that was seen longest ago ends.
        """
        for crowded_out in await self._stored.live_beyond(account.id, MOST_SESSIONS - 1):
            await self._ender.end(account.id, EndReason.LIMIT, only=crowded_out)
        now = await self._stored.now()
        opened = LoginSession(
            id=uuid7(),
            user_id=account.id,
            client_id=CLIENT_IDS[client.delivery],
            delivery=client.delivery,
            created_at=now,
            auth_time=now,
            last_seen_at=now,
            idle_expires_at=now + IDLE,
            absolute_expires_at=now + (ABSOLUTE_REMEMBERED if remember else ABSOLUTE),
            ip=str(client.address) if client.address else None,
            user_agent=_storable(client.user_agent),
            amr=["pwd"],
            salt=urandom(SALT_BYTES),
        )
        await self._stored.add(opened)
        token = self._refresh_tokens.first()
        await self._stored.save(self._token(token, opened, now))
        await self._audit.record(why, account.id, opened.id)
        return Grant(account, opened, token, now)

    async def refresh(self, presented: str, delivery: Delivery) -> Grant | None:
        """Renew the session of this refresh token; None when it opens nothing.

        A refusal is not raised: reuse has then ended the session, and raising would take that back.
        """
        digest = self._refresh_tokens.digest(presented)
        async with self._turns.of(digest):
            return await self._refresh(presented, digest, delivery)

    async def live(self, user_id: UUID) -> list[LoginSession]:
        """Return the user's sessions that have neither ended nor expired, the newest first."""
        return await self._stored.live(user_id)

    async def log_out(self, refresh_tokens: Iterable[str], session: SessionOf | None = None) -> None:
        """End `session`, and those that these tokens were ever given to; what is not open is passed over."""
        found = [await self._stored.find_by_token(self._refresh_tokens.digest(token)) for token in refresh_tokens]
        for one in sorted({one for one in (*found, session) if one is not None}):
            await self._ender.end(one.user_id, EndReason.LOGOUT, only=one.session_id)

    async def _refresh(self, presented: str, digest: bytes, delivery: Delivery) -> Grant | None:
        held = await self._stored.lock_by_token(digest)
        if held is None or held.delivery != delivery:
            return None
        token, live, now = await self._stored.tokens(held, digest)
        account = await active_account(self._database, held.user_id)
        if account is None or not held.is_live_at(now):
            return None
        match judge(token, live, now):
            case Verdict.ROTATE:
                return Grant(account, held, await self._rotate(held, presented, token, now), now)
            case Verdict.KEEP:
                live.seen_at = live.seen_at or now
                await self._stored.save()
                return Grant(account, held, presented, now)
            case Verdict.RECOMPUTE:
                successor = self._refresh_tokens.recompute(
                    presented, held.salt, live.generation, digest=live.token_hash
                )
                # Without one, AUTH_SECRET was changed and forgotten: nobody stole anything.
                return Grant(account, held, successor, now) if successor else None
            case Verdict.REUSE:
                await self._end_for_reuse(held)
                return None

    async def _rotate(self, held: LoginSession, presented: str, token: RefreshToken, now: datetime) -> str:
        held.generation += 1
        held.last_seen_at = now
        held.idle_expires_at = min(now + IDLE, held.absolute_expires_at)
        token.used_at = now
        successor = self._refresh_tokens.successor(presented, held.salt, held.generation)
        await self._stored.save(self._token(successor, held, now))
        return successor

    async def _end_for_reuse(self, held: LoginSession) -> None:
        structlog.get_logger().warning("refresh_reuse", session_id=str(held.id), user=str(held.user_id))
        await self._ender.end(held.user_id, EndReason.REFRESH_REUSE, only=held.id)
        await ask_for_mail(self._database, Mail.REFRESH_REUSE, user_id=held.user_id)

    def _token(self, text: str, of: LoginSession, now: datetime) -> RefreshToken:
        digest = self._refresh_tokens.digest(text)
        return RefreshToken(token_hash=digest, session_id=of.id, generation=of.generation, issued_at=now)


def _storable(user_agent: str | None) -> str | None:
    return user_agent.replace("\x00", "")[:USER_AGENT_CHARACTERS] if user_agent else None
