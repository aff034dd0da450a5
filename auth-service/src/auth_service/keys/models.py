"""The signing keys, their private parts sealed."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, column
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from auth_service.tables import Table, Timestamp

__all__ = ["KeyState", "StoredKey"]


class KeyState(StrEnum):
    """Where a key stands; `auth_service.keys.rotation` says what follows what."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


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
    """The `Seal.key_id` that `private_sealed` was sealed with."""
    state: KeyState = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    activate_at: datetime | None = Field(default=None, sa_type=Timestamp)
    """When a pending key is to sign, or when another one began to."""
    retire_at: datetime | None = Field(default=None, sa_type=Timestamp)
    """When a retiring key is to go, or when a retired one went."""
