"""What happens after a commit: mails, and what other services hear. Each is a row of the commit (decision 0005).

No payload holds a secret: the worker derives the token of a link when it writes the mail.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from auth_service.tables import Table
from shared.database import Session
from shared.outbox import Broadcast, Broadcasts, Event, OutboxColumns, record

__all__ = [
    "BROADCASTS",
    "MAIL",
    "Mail",
    "Outbox",
    "ask_for_mail",
    "tell_key_ended",
    "tell_session_ended",
    "tell_tokens_ended",
    "tell_user_deleted",
]

MAIL, REVOCATIONS, EVENTS = "auth:mail", "auth:revocations", "auth:events"

REVOKED_FOR = timedelta(seconds=960)
"""No access token that a revocation can hit lives longer: 900 s at most, and a minute of clocks that differ."""

BROADCASTS = Broadcasts(
    "auth",
    Broadcast(REVOCATIONS, kept=timedelta(hours=1), repeated=REVOKED_FOR),
    Broadcast(EVENTS, kept=timedelta(days=7), repeated=timedelta(days=7)),
)


class Outbox(OutboxColumns, Table, table=True):
    """What happened to accounts and sessions and still has to be told, or was."""

    __tablename__ = "outbox"


class Mail(StrEnum):
    """What a mail is about. In brackets: the payload that the worker needs beside the user."""

    SIGN_UP = "sign_up"
    """[registration_id, email] To a pending registration: its link, or that the address has an account."""
    VERIFY_EMAIL = "verify_email"
    """[email] To whoever has this address, and has not shown it yet: a link."""
    RESET_PASSWORD = "reset_password"  # noqa: S105  # a kind of mail
    """[email] To whoever has this address: a link."""
    CHANGE_EMAIL = "change_email"
    """[new_email] To the new address of the user: a link, or that the address has an account."""
    EMAIL_CHANGE_ASKED = "email_change_asked"
    """[] To the user."""
    EMAIL_CHANGED = "email_changed"
    """[old_email] To the address that was the user's until now."""
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # a kind of mail
    """[] To the user, also after a reset."""
    REFRESH_REUSE = "refresh_reuse"
    """[] To the user: a session was ended because two held its token."""
    GUESSING = "guessing"
    """[] To the user: somebody has guessed at their password for long."""
    DELETION_ASKED = "deletion_asked"
    """[email, purge_after] To the address of the user, who may be gone when it is sent; the time in ISO 8601."""
    RESTORED = "restored"
    """[] To the user: a login has taken the deletion back."""


async def ask_for_mail(
    database: Session, mail: Mail, payload: Mapping[str, str] | None = None, *, user_id: UUID | None = None
) -> None:
    """Let `mail` be sent: to this user, or to whomever its payload leads the worker to."""
    await _record(database, user_id, MAIL, mail, payload or {})


async def tell_session_ended(database: Session, session_id: UUID, user_id: UUID) -> None:
    """Let every service refuse the access tokens of this session."""
    await _revoke(database, user_id, {"kind": "sid", "id": str(session_id)})


async def tell_tokens_ended(database: Session, user_id: UUID, version: int) -> None:
    """Let every service refuse the user's access tokens from before `version` of the account."""
    await _revoke(database, user_id, {"kind": "user", "id": str(user_id), "ver": version})


async def tell_key_ended(database: Session, kid: str) -> None:
    """Let every service refuse what this key signed, and fetch the keys anew."""
    await _revoke(database, None, {"kind": "kid", "id": kid})


async def tell_user_deleted(database: Session, user_id: UUID) -> None:
    """Let every service delete what the user had."""
    await _record(database, user_id, EVENTS, "user.deleted", {"user_id": str(user_id)})


async def _revoke(database: Session, user_id: UUID | None, ended: Mapping[str, object]) -> None:
    exp = int((datetime.now(UTC) + REVOKED_FOR).timestamp())
    await _record(database, user_id, REVOCATIONS, "revoked", {**ended, "exp": exp})


async def _record(
    database: Session, user_id: UUID | None, stream: str, event_type: str, payload: Mapping[str, object]
) -> None:
    event = Event(str(user_id) if user_id else "", stream, event_type, payload)
    await database.run(record(Outbox, event, datetime.now(UTC)))
