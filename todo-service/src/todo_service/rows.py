"""Many rows as one parameter of a statement, so that its text is the same for one and for a hundred.

Each connection then prepares it once. The rows are JSON, because for arrays asyncpg would first ask PostgreSQL, on each
connection, what they are made of.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Select, TableValuedAlias, Uuid, column, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB

__all__ = ["ids_in", "rows_in"]


def rows_in(rows: Sequence[Mapping[str, object]], columns: Sequence[Column[Any]]) -> TableValuedAlias:
    """Return `rows`, whose values are JSON, as a table of `columns`."""
    named = (column(one.name, one.type) for one in columns)
    return func.jsonb_to_recordset(literal(rows, JSONB)).table_valued(*named).render_derived(with_types=True)


def ids_in(ids: Collection[UUID]) -> Select[UUID]:
    """Return `ids` as a SELECT, to be looked for in."""
    texts = func.jsonb_array_elements_text(literal([str(one) for one in ids], JSONB)).column_valued()
    return select(texts.cast(Uuid))
