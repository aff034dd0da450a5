"""Sessions, and the refresh tokens that have renewed them, of which only hashes are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, column
from sqlalchemy.dialects.postgresql import INET
from sqlmodel import Field

from auth_service.tables import Table, Timestamp

__all__ = ["LoginSession", "RefreshToken"]


class LoginSession(Table, table=True):
    """One login on one device. `generation` counts its refresh tokens: the newest is the live one."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("delivery IN ('cookie', 'body')", name="delivery"),
        Index(None, "user_id", postgresql_where=column("ended_at").is_(None)),
        Index(None, "absolute_expires_at"),
    )

    id: UUID = Field(primary_key=True)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE")
    client_id: str = Field(sa_type=Text)
    delivery: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    auth_time: datetime = Field(sa_type=Timestamp)
    last_seen_at: datetime = Field(sa_type=Timestamp)
    idle_expires_at: datetime = Field(sa_type=Timestamp)
    absolute_expires_at: datetime = Field(sa_type=Timestamp)
    ended_at: datetime | None = Field(default=None, sa_type=Timestamp)
    end_reason: str | None = Field(default=None, sa_type=Text)
    ip: str | None = Field(default=None, sa_type=INET)
    user_agent: str | None = Field(default=None, max_length=512)
    amr: list[str] = Field(sa_type=ARRAY(Text))
    salt: bytes = Field(sa_type=LargeBinary, repr=False)
    generation: int = 0

    def is_live_at(self, now: datetime) -> bool:
        """Whether the session has neither ended nor expired."""
        return self.ended_at is None and now < min(self.idle_expires_at, self.absolute_expires_at)


class RefreshToken(Table, table=True):
    """A refresh token that was given out. `used_at`: when it was exchanged; `seen_at`: when it came back first."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (UniqueConstraint("session_id", "generation"), Index(None, "issued_at"))

    token_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    session_id: UUID = Field(foreign_key="sessions.id", ondelete="CASCADE")
    generation: int
    issued_at: datetime = Field(sa_type=Timestamp)
    seen_at: datetime | None = Field(default=None, sa_type=Timestamp)
    used_at: datetime | None = Field(default=None, sa_type=Timestamp)
