"""Users, apart from them their password hashes, so that no query for users shows one, and who asks to become one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, column
from sqlmodel import Field

from auth_service.tables import Table, Timestamp

__all__ = ["Credentials", "PendingRegistration", "User"]


class User(Table, table=True):
    """A person's account. `token_version` counts up when all of their access tokens are to end."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("status IN ('active', 'disabled', 'deleting')", name="status"),
        Index(None, "purge_after", postgresql_where=column("purge_after").is_not(None)),
    )

    id: UUID = Field(primary_key=True)
    email: str = Field(sa_type=Text)
    email_norm: str = Field(sa_type=Text, unique=True)
    email_verified_at: datetime | None = Field(default=None, sa_type=Timestamp)
    name: str | None = Field(default=None, sa_type=Text)
    status: str = Field(default="active", sa_type=Text)
    token_version: int = 0
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)
    last_login_at: datetime | None = Field(default=None, sa_type=Timestamp)
    purge_after: datetime | None = Field(default=None, sa_type=Timestamp)


class Credentials(Table, table=True):
    """A user's password, as its Argon2id hash."""

    __tablename__ = "credentials"

    user_id: UUID = Field(primary_key=True, foreign_key="users.id", ondelete="CASCADE")
    hash: str = Field(sa_type=Text, repr=False)
    changed_at: datetime = Field(sa_type=Timestamp)
    failed_attempts: int = 0


class PendingRegistration(Table, table=True):
    """Somebody who has asked for an account and not yet shown that they read its address.

    `binding_hash` is that of the cookie in the browser that asked.
    """

    __tablename__ = "pending_registrations"
    __table_args__ = (Index(None, "email_norm", "created_at"),)

    id: UUID = Field(primary_key=True)
    token_hash: bytes = Field(sa_type=LargeBinary, unique=True, repr=False)
    email: str = Field(sa_type=Text)
    email_norm: str = Field(sa_type=Text)
    password_hash: str = Field(sa_type=Text, repr=False)
    name: str | None = Field(default=None, sa_type=Text)
    binding_hash: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: datetime = Field(sa_type=Timestamp)
    expires_at: datetime = Field(sa_type=Timestamp)
