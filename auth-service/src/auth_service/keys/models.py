"""The signing keys, their private parts sealed."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from auth_service.tables import Table, Timestamp

__all__ = ["StoredKey"]


class StoredKey(Table, table=True):
    """A key pair. `pending`, `active` and `retiring` ones are published; the one `active` of an algorithm signs."""

    __tablename__ = "signing_keys"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'active', 'retiring', 'retired')", name="state"),
        Index(None, "alg", unique=True, postgresql_where=column("state") == "active"),
    )

    kid: str = Field(primary_key=True, sa_type=Text)
    alg: str = Field(sa_type=Text)
    public_jwk: dict[str, str] = Field(sa_type=JSONB)
    private_sealed: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    kek_id: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    activate_at: datetime | None = Field(default=None, sa_type=Timestamp)
    retire_at: datetime | None = Field(default=None, sa_type=Timestamp)
