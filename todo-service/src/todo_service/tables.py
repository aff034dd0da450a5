"""The tables of this service stand in one metadata of its own: SQLModel's global one would mix services in tests."""

from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.database import NAMING_CONVENTION

__all__ = ["SCHEMA", "Table"]

SCHEMA = "2026_11_24_large_answers"
"""The newest migration. A process gets no work while the database is behind it."""


class Table(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """Base of this service's tables."""
