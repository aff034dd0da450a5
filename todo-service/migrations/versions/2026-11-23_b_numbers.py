"""Number what the release before this one has written. Run it when that release runs nowhere any more."""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_23_numbers"
down_revision = "2026_11_23_changes"
branch_labels = None
depends_on = None

# One user a transaction, under the lock that their writes take, so that nobody waits longer than for one user. What
# waits for a lock keeps the snapshot it began with: so the lock is a statement of its own, before those that look.
# Everybody is counted, and begins an epoch: nothing has counted or numbered what the old release did to numbered todos.
NUMBER = """
DO $$
DECLARE owner text; head bigint; added bigint;
BEGIN
  FOR owner IN SELECT user_id FROM todos WHERE seq IS NULL UNION SELECT user_id FROM user_streams LOOP
    INSERT INTO user_streams (user_id, epoch) VALUES (owner, gen_random_uuid()) ON CONFLICT (user_id) DO NOTHING;
    SELECT seq INTO head FROM user_streams WHERE user_id = owner FOR UPDATE;
    UPDATE todos SET seq = head + numbered.n
      FROM (SELECT id, row_number() OVER (ORDER BY created_at, id) AS n
              FROM todos WHERE user_id = owner AND seq IS NULL) AS numbered
      WHERE todos.user_id = owner AND todos.id = numbered.id;
    GET DIAGNOSTICS added = ROW_COUNT;
    UPDATE user_streams
      SET seq = head + added, epoch = gen_random_uuid(), live_count = counted.live, trash_count = counted.trash
      FROM (SELECT count(*) FILTER (WHERE deleted_at IS NULL) AS live, count(deleted_at) AS trash
              FROM todos WHERE user_id = owner) AS counted
      WHERE user_streams.user_id = owner;
    COMMIT;
  END LOOP;
END $$
"""


def upgrade() -> None:
    """Number todos in the order of their creation, count them, and list by an index without the trash."""
    with op.get_context().autocommit_block():
        op.execute(NUMBER)
    op.alter_column("todos", "seq", nullable=False)
    op.drop_index("todos_list", "todos")
    _create_list_index(sa.text("deleted_at IS NULL"))


def downgrade() -> None:
    """Let todos be without a number again, as the release before this one writes them."""
    op.drop_index("todos_list", "todos")
    _create_list_index(None)
    op.alter_column("todos", "seq", nullable=True)


def _create_list_index(where: sa.TextClause | None) -> None:
    newest_first = ["user_id", sa.text("created_at DESC"), sa.text("id DESC")]
    op.create_index("todos_list", "todos", newest_first, postgresql_where=where)
