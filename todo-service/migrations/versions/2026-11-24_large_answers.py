"""Find the large ones among the stored answers, so that they can be kept within bounds."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_24_large_answers"
down_revision = "2026_11_23_numbers"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index them; writes with a key wait meanwhile."""
    op.create_index(
        "idempotency_keys_large",
        "idempotency_keys",
        ["user_id"],
        postgresql_where=sa.text("octet_length(body) > 8192"),
    )


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("idempotency_keys_large", "idempotency_keys")
