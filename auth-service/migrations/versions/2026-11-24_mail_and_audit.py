"""Pending registrations, one-time tokens, the audit log and the outbox: all new, so the release before runs on."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_24_mail_and_audit"
down_revision = "2026_11_22_accounts"
branch_labels = None
depends_on = None

TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Create the tables, and the index by which old refresh tokens are found."""
    _create_proofs()
    _create_audit()
    _create_outbox()
    # One row a refresh makes this table the largest. Building the index must not hold refreshes up.
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_refresh_tokens_issued_at",
            "refresh_tokens",
            ["issued_at"],
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def _create_proofs() -> None:
    op.create_table(
        "pending_registrations",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_norm", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("binding_hash", sa.LargeBinary),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_pending_registrations"),
        sa.UniqueConstraint("token_hash", name="uq_pending_registrations_token_hash"),
    )
    op.create_index(
        "ix_pending_registrations_email_norm_created_at", "pending_registrations", ["email_norm", "created_at"]
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("payload", postgresql.JSONB, nullable=False),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("consumed_at", TIME),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_one_time_tokens_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_one_time_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_one_time_tokens_token_hash"),
    )
    op.create_index(
        "ix_one_time_tokens_user_id_purpose",
        "one_time_tokens",
        ["user_id", "purpose"],
        unique=True,
        postgresql_where=sa.text("consumed_at IS NULL"),
    )


def _create_audit() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("user_id", sa.Uuid),
        sa.Column("session_id", sa.Uuid),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("ip", postgresql.INET),
        sa.Column("user_agent", sa.String(512)),
        sa.Column("request_id", sa.Text),
        sa.Column("detail", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_events"),
    )
    op.create_index("ix_audit_events_user_id_at", "audit_events", ["user_id", sa.text("at DESC")])
    op.create_index("ix_audit_events_type_at", "audit_events", ["type", "at"])


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
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
    """Drop them."""
    op.drop_index("ix_refresh_tokens_issued_at", "refresh_tokens")
    for table in ("outbox", "audit_events", "one_time_tokens", "pending_registrations"):
        op.drop_table(table)
