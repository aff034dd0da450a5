"""Databases filled for a measurement: how many todos there are, and whose they are."""

import asyncio
from dataclasses import dataclass

import asyncpg

__all__ = ["Layout"]

# In the order of their time, so that nobody's todos stand side by side in the table, as after months of use.
TODOS = """
INSERT INTO todos (user_id, id, title, created_at, updated_at, search_text, title_key, seq)
SELECT user_id, uuidv7(), 'Todo ' || n, at, at, 'todo ' || n, 'todo ' || n, n
  FROM (SELECT user_id, n, timestamptz '2026-01-01 00:00Z' + random() * interval '300 days' AS at
          FROM (SELECT 'long-' || i, $1 FROM generate_series(1, $2) AS i
                 UNION ALL
                SELECT 'short-' || i, $3 / $4 + (i <= $3 % $4)::integer FROM generate_series(1, $4) AS i
               ) AS users (user_id, owned),
               generate_series(1, owned) AS n
       ) AS planned
 ORDER BY at
"""
COUNTERS = """
INSERT INTO user_streams (user_id, seq, live_count, epoch)
SELECT user_id, max(seq), count(*), gen_random_uuid() FROM todos GROUP BY user_id
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """So many todos: some users, `long-1` and on, have a long list, the rest is shared evenly by `short-1` and on."""

    todos: int
    long_lists: int
    long: int
    """How many todos a long list has."""
    short_lists: int

    def fill(self, database_url: str) -> None:
        """Store the todos, set-wise, in a database that has the schema and nothing else."""
        asyncio.run(self._fill(database_url))

    async def _fill(self, database_url: str) -> None:
        connection = await asyncpg.connect(database_url)
        try:
            rest = self.todos - self.long_lists * self.long
            await connection.execute(TODOS, self.long, self.long_lists, rest, self.short_lists)
            await connection.execute(COUNTERS)
            await connection.execute("VACUUM ANALYZE todos, user_streams")
        finally:
            await connection.close()
