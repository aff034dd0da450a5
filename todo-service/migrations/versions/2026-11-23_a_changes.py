"""Counters, versions, the trash and what hangs on them: added, so that the release before this one runs on.

Run this, then roll the new release out everywhere, then run the next migration: it numbers what the old one wrote.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_23_changes"
down_revision = "2026_11_22_todos"
branch_labels = None
depends_on = None

OWNER = sa.Text(collation="C")
MILLISECONDS = postgresql.TIMESTAMP(timezone=True, precision=3)
TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Add the columns, with `seq` still empty, and the tables."""
    op.add_column("todos", sa.Column("version", sa.Integer, server_default="1", nullable=False))
    op.add_column("todos", sa.Column("seq", sa.BigInteger))
    op.add_column("todos", sa.Column("deleted_at", MILLISECONDS))
    op.create_index("todos_sync", "todos", ["user_id", "seq"], unique=True)
    is_trashed = sa.text("deleted_at IS NOT NULL")
    by_deletion = ["user_id", sa.text("deleted_at DESC"), sa.text("id DESC")]
    op.create_index("todos_trash", "todos", by_deletion, postgresql_where=is_trashed)
    op.create_index("todos_purge", "todos", ["deleted_at"], postgresql_where=is_trashed)
    _create_counters()
    _create_short_lived()


def _create_counters() -> None:
    op.create_table(
        "user_streams",
        sa.Column("user_id", OWNER, nullable=False),
        sa.Column("seq", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("purged_seq", sa.BigInteger, server_default="0", nullable=False),
        sa.Column("epoch", sa.Uuid, nullable=False),
        sa.Column("live_count", sa.Integer, server_default="0", nullable=False),
        sa.Column("trash_count", sa.Integer, server_default="0", nullable=False),
        sa.Column("purged_at", TIME),
        sa.PrimaryKeyConstraint("user_id", name="pk_user_streams"),
        postgresql_with={"fillfactor": "50"},
    )
    is_purged = sa.text("purged_at IS NOT NULL")
    op.create_index("user_streams_purge", "user_streams", ["purged_at"], postgresql_where=is_purged)
    op.create_table(
        "tombstones",
        sa.Column("user_id", OWNER, nullable=False),
        sa.Column("kind", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("deleted_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "kind", "id", name="pk_tombstones"),
        sa.UniqueConstraint("user_id", "seq", name="uq_tombstones_user_id_seq"),
    )
    op.create_index("tombstones_purge", "tombstones", ["deleted_at"])


def _create_short_lived() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", OWNER, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("body_sha", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.SmallInteger, nullable=False),
        sa.Column("headers", postgresql.JSONB, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name="pk_idempotency_keys"),
    )
    op.create_index("idempotency_keys_purge", "idempotency_keys", ["created_at"])
    op.create_table(
        "event_tickets",
        sa.Column("user_id", OWNER, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("claims", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "digest", name="pk_event_tickets"),
    )
    op.create_index("event_tickets_purge", "event_tickets", ["expires_at"])
    op.create_table(
        "stream_positions",
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("last_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_stream_positions"),
    )


def downgrade() -> None:
    """Drop the tables, the columns and with them their indexes. What was in the trash is live again."""
    for table in ("stream_positions", "event_tickets", "idempotency_keys", "tombstones", "user_streams"):
        op.drop_table(table)
    for column in ("deleted_at", "seq", "version"):
        op.drop_column("todos", column)
