"""The tables of this service stand in one metadata of its own: SQLModel's global one would mix services in tests."""

from sqlalchemy import MetaData
from sqlalchemy import Table as CoreTable
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.database import NAMING_CONVENTION

__all__ = ["SCHEMA", "Table", "Timestamp", "core"]

SCHEMA = "2026_11_24_mail_and_audit"
"""The newest migration. A process gets no work while the database is behind it."""


class Table(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """Base of this service's tables."""


class Timestamp(TIMESTAMP):
    """A point in time. PostgreSQL's plain `timestamp` forgets the zone that it was given."""

    def __init__(self) -> None:
        super().__init__(timezone=True)


def core(model: type[Table]) -> CoreTable:
    """Return the table of `model`, for Core statements."""
    return model.metadata.tables[str(model.__tablename__)]
