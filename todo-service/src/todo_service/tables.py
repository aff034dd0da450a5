"""The tables of this service stand in one metadata of its own: SQLModel's global one would mix services in tests."""

from sqlalchemy import MetaData
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.database import NAMING_CONVENTION

__all__ = ["Table"]


class Table(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING_CONVENTION))):
    """Base of this service's tables."""
