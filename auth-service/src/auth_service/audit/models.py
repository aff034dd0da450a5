"""The audit log: what happened that matters to the safety of an account."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, column
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlmodel import Field

from auth_service.tables import Table, Timestamp

__all__ = ["AuditEvent"]


class AuditEvent(Table, table=True):
    """One event. It outlives the account, and then names nobody but by `user_id`."""

    __tablename__ = "audit_events"
    __table_args__ = (Index(None, "user_id", column("at").desc()), Index(None, "type", "at"))

    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=Timestamp)
    user_id: UUID | None = None
    session_id: UUID | None = None
    actor: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    ip: str | None = Field(default=None, sa_type=INET)
    user_agent: str | None = Field(default=None, max_length=512)
    request_id: str | None = Field(default=None, sa_type=Text)
    detail: dict[str, object] = Field(sa_type=JSONB)
