"""What writers do to the todos of one user, in SQL and as the service does it: every change takes the next number."""

from dataclasses import dataclass
from itertools import count
from typing import ClassVar
from uuid import UUID, uuid4

import asyncpg

from tests.todo_service.stored import START, row

LOCK = "SELECT seq FROM user_streams WHERE user_id = $1 FOR UPDATE"


@dataclass(frozen=True)
class Rules:
    """How writers behave. Each field is right as it is here; the proof must notice when one is not."""

    locks_counter: bool = True
    """Otherwise numbers come from a sequence: when a statement runs, and not in the order of the commits."""
    restore_takes_number: bool = True
    removal_leaves_tombstone: bool = True
    sweep_raises_purged_seq: bool = True


@dataclass
class Ledger:
    """One connection that writes for one user. Whoever opens its transaction begins with `lock`."""

    connection: asyncpg.Connection
    user_id: str
    rules: Rules
    taken: int = 0
    """How many numbers were taken since `lock`."""

    numbers: ClassVar = count(1)

    async def lock(self) -> None:
        """Wait for the user's counter, and hold it to the end of the transaction."""
        if self.rules.locks_counter:
            await self.connection.fetchval(LOCK, self.user_id)
        self.taken = 0

    async def create(self) -> None:
        """Add a todo."""
        seq = await self._number()
        values = {**row(self.user_id, id=UUID(int=next(self.numbers)), title=self._title()), "seq": seq}
        columns, places = ", ".join(values), ", ".join(f"${i + 1}" for i in range(len(values)))
        await self.connection.execute(f"INSERT INTO todos ({columns}) VALUES ({places})", *values.values())

    async def change(self, todo_id: UUID) -> None:
        """Change a todo that is outside the trash."""
        await self._update(todo_id, await self._number(), deleted=False)

    async def trash(self, todo_id: UUID) -> None:
        """Put a todo into the trash."""
        await self._update(todo_id, await self._number(), deleted=True)

    async def restore(self, todo_id: UUID) -> None:
        """Take a todo out of the trash."""
        seq = await self._number() if self.rules.restore_takes_number else None
        await self._update(todo_id, seq, deleted=False)

    async def remove(self, todo_id: UUID) -> None:
        """Remove a todo for good."""
        gone = "DELETE FROM todos WHERE user_id = $1 AND id = $2"
        await self.connection.execute(gone, self.user_id, todo_id)
        if self.rules.removal_leaves_tombstone:
            await self.connection.execute(
                "INSERT INTO tombstones (user_id, kind, id, seq, deleted_at) VALUES ($1, 1, $2, $3, $4)",
                self.user_id, todo_id, await self._number(), START,
            )  # fmt: skip

    async def sweep(self) -> None:
        """Forget all tombstones."""
        highest = await self.connection.fetchval(
            "WITH gone AS (DELETE FROM tombstones WHERE user_id = $1 RETURNING seq) SELECT max(seq) FROM gone",
            self.user_id,
        )
        if highest is not None and self.rules.sweep_raises_purged_seq:
            raised = "UPDATE user_streams SET purged_seq = greatest(purged_seq, $2) WHERE user_id = $1"
            await self.connection.execute(raised, self.user_id, highest)

    async def epoch(self) -> None:
        """End the line of numbers, as after a restored backup."""
        renewed = "UPDATE user_streams SET epoch = $2 WHERE user_id = $1"
        await self.connection.execute(renewed, self.user_id, uuid4())

    async def _update(self, todo_id: UUID, seq: int | None, *, deleted: bool) -> None:
        await self.connection.execute(
            "UPDATE todos SET seq = coalesce($3, seq), title = $4, deleted_at = $5 WHERE user_id = $1 AND id = $2",
            self.user_id, todo_id, seq, self._title(), START if deleted else None,
        )  # fmt: skip

    async def _number(self) -> int:
        self.taken += 1
        if not self.rules.locks_counter:
            return await self.connection.fetchval("SELECT nextval('numbers')")
        raised = "UPDATE user_streams SET seq = seq + 1 WHERE user_id = $1 RETURNING seq"
        return await self.connection.fetchval(raised, self.user_id)

    def _title(self) -> str:
        return f"title {next(self.numbers)}"
