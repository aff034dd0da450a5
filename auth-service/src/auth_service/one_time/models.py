"""Tokens that are good for one use, of which only hashes are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text, column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from auth_service.tables import Table, Timestamp

__all__ = ["OneTimeToken"]


class OneTimeToken(Table, table=True):
    """A link that was mailed to a user. They have one that works for each purpose.

    `id` is that of the event that asked for the mail, so that ids tell which of two was asked for later.
    """

    __tablename__ = "one_time_tokens"
    __table_args__ = (Index(None, "user_id", "purpose", unique=True, postgresql_where=column("consumed_at").is_(None)),)

    id: UUID = Field(primary_key=True)
    token_hash: bytes = Field(sa_type=LargeBinary, unique=True, repr=False)
    user_id: UUID = Field(foreign_key="users.id", ondelete="CASCADE")
    purpose: str = Field(sa_type=Text)
    payload: dict[str, object] = Field(sa_type=JSONB)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    expires_at: datetime = Field(sa_type=Timestamp)
    consumed_at: datetime | None = Field(default=None, sa_type=Timestamp)
