"""Rows of todos as the JSON that clients see, rendered by PostgreSQL: no entity is built, nothing is validated again.

`changed_todos` is how the feed of changes reads this feature's table.
"""

from sqlalchemy import Column, Label, Select, Text, bindparam, cast, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.sql.selectable import LateralFromClause

from todo_service.todos.models import TODOS
from todo_service.todos.schemas import TodoPublic

__all__ = ["as_json", "changed_todos", "shown"]


def shown() -> LateralFromClause:
    """Return the fields of `TodoPublic`, in its order, with times as `schemas.rfc3339` writes them. Join it on true."""
    return select(*(_shown(TODOS.c[name]) for name in TodoPublic.model_fields)).correlate(TODOS).lateral("public")


def as_json(public: LateralFromClause) -> Label[str]:
    """Return what `shown` gave as one text, the column `json`."""
    return cast(func.row_to_json(public.table_valued()), Text).label("json")


def changed_todos() -> Select[*tuple[object, ...]]:
    """Return the todos of `:user_id` whose latest change came after `:since`: `seq`, `id`, `deleted_at`, `json`."""
    public = shown()
    return (
        select(TODOS.c.seq, TODOS.c.id, TODOS.c.deleted_at, as_json(public))
        .select_from(TODOS.join(public, true()))
        .where(TODOS.c.user_id == bindparam("user_id", type_=Text), TODOS.c.seq > bindparam("since"))
    )


def _shown(column: Column[object]) -> Label[object]:
    if not isinstance(column.type, TIMESTAMP):
        return column.label(column.name)
    in_utc = func.timezone(literal_column("'UTC'"), column)
    return func.to_char(in_utc, literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'""")).label(column.name)
