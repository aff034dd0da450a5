"""Todos, and the outbox of what their owners are mailed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_todos"
down_revision = None
branch_labels = None
depends_on = None

OWNER = sa.Text(collation="C")
MILLISECONDS = postgresql.TIMESTAMP(timezone=True, precision=3)
TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "todos",
        sa.Column("user_id", OWNER, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text),
        sa.Column("completed", sa.Boolean, server_default=sa.text("false"), nullable=False),
        sa.Column("completed_at", MILLISECONDS),
        sa.Column("priority", sa.SmallInteger, server_default=sa.text("3"), nullable=False),
        sa.Column("created_at", MILLISECONDS, nullable=False),
        sa.Column("updated_at", MILLISECONDS, nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("title_key", sa.Text(collation="C"), nullable=False),
        sa.CheckConstraint("char_length(user_id) BETWEEN 1 AND 255", name="user_id_length"),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="title_length"),
        sa.CheckConstraint("char_length(description) <= 1000", name="description_length"),
        sa.CheckConstraint("completed = (completed_at IS NOT NULL)", name="completed_has_a_time"),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name="priority_range"),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_todos"),
        postgresql_with={"fillfactor": "90"},
    )
    op.create_index("todos_list", "todos", ["user_id", sa.text("created_at DESC"), sa.text("id DESC")])
    op.create_table(
        "outbox",
        sa.Column("user_id", OWNER, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("payload", postgresql.JSONB, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("state", sa.Text, server_default="waiting", nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("next_at", TIME, nullable=False),
        sa.Column("done_at", TIME),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("user_id", "event_id", name="pk_outbox"),
    )
    is_open = sa.text("state IN ('waiting', 'queued', 'working')")
    op.create_index("outbox_due", "outbox", ["next_at"], postgresql_where=is_open)


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("outbox")
    op.drop_table("todos")
