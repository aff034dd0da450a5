"""Users, their credentials and sessions, and the signing keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_accounts"
down_revision = None
branch_labels = None
depends_on = None

TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    """Create the tables, each after those that it refers to."""
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text, nullable=False),
        sa.Column("alg", sa.Text, nullable=False),
        sa.Column("public_jwk", postgresql.JSONB, nullable=False),
        sa.Column("private_sealed", sa.LargeBinary),
        sa.Column("kek_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("activate_at", TIME),
        sa.Column("retire_at", TIME),
        sa.CheckConstraint("state IN ('pending', 'active', 'retiring', 'retired')", name="ck_signing_keys_state"),
        sa.PrimaryKeyConstraint("kid", name="pk_signing_keys"),
    )
    op.create_index(
        "ix_signing_keys_alg", "signing_keys", ["alg"], unique=True, postgresql_where=sa.text("state = 'active'")
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_norm", sa.Text, nullable=False),
        sa.Column("email_verified_at", TIME),
        sa.Column("name", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.Column("last_login_at", TIME),
        sa.Column("purge_after", TIME),
        sa.CheckConstraint("status IN ('active', 'disabled', 'deleting')", name="ck_users_status"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_norm", name="uq_users_email_norm"),
    )
    op.create_index(
        "ix_users_purge_after", "users", ["purge_after"], postgresql_where=sa.text("purge_after IS NOT NULL")
    )
    op.create_table(
        "credentials",
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("failed_attempts", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_credentials_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", name="pk_credentials"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("delivery", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("auth_time", TIME, nullable=False),
        sa.Column("last_seen_at", TIME, nullable=False),
        sa.Column("idle_expires_at", TIME, nullable=False),
        sa.Column("absolute_expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("end_reason", sa.Text),
        sa.Column("ip", postgresql.INET),
        sa.Column("user_agent", sa.String(512)),
        sa.Column("amr", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.CheckConstraint("delivery IN ('cookie', 'body')", name="ck_sessions_delivery"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
    )
    op.create_index("ix_sessions_absolute_expires_at", "sessions", ["absolute_expires_at"])
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("session_id", sa.Uuid, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("issued_at", TIME, nullable=False),
        sa.Column("seen_at", TIME),
        sa.Column("used_at", TIME),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_refresh_tokens_session_id_sessions", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name="pk_refresh_tokens"),
        sa.UniqueConstraint("session_id", "generation", name="uq_refresh_tokens_session_id_generation"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("refresh_tokens", "sessions", "credentials", "users", "signing_keys"):
        op.drop_table(table)
