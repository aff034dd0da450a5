"""What PostgreSQL holds at the end, compared with the oracle: rows, counters, tombstones and events."""

import json
import time
from collections import Counter
from collections.abc import Mapping

import asyncpg

from tests.chaos.account import Account
from tests.chaos.ledger import Place, Todo
from tests.chaos.letterbox import Letterbox
from tests.chaos.tally import Tally
from tests.waiting import until

AT_ONCE = 10
"""How many mails a worker sends at once: so many can come again after it was killed."""
MAIL_SECONDS, IDLE_SECONDS = 60.0, 3.0

ROWS = "SELECT id, title, description, completed, priority, version, deleted_at, seq FROM todos WHERE user_id = $1"
NUMBERS = "SELECT id, seq FROM tombstones WHERE user_id = $1"
COUNTER = "SELECT seq, live_count, trash_count FROM user_streams WHERE user_id = $1"
EVENTS = "SELECT event_id, payload, state, last_error FROM outbox WHERE user_id = $1"
IS_OPEN = "state IN ('waiting', 'queued', 'working')"
OPEN = f"SELECT count(*) FROM outbox WHERE {IS_OPEN}"
STUCK = f"SELECT count(*) FROM outbox WHERE {IS_OPEN} AND next_at > now() + interval '5 minutes'"
# What a process or Redis took with it comes again at its time, after five minutes at most. Here nobody waits so long.
NOW = f"UPDATE outbox SET next_at = now() WHERE {IS_OPEN}"


class Tables:
    """The todo-service's database."""

    def __init__(self, database: asyncpg.Connection, tally: Tally) -> None:
        self._database, self._tally = database, tally

    async def compare(self, account: Account) -> None:
        """Note what differs from what was acknowledged to a user: rows, their numbers, and the counter."""
        wanted, there = account.ledger.expected(), account.ledger.there()
        rows = await self._database.fetch(ROWS, account.user_id)
        self._compare_rows(account.name, {str(row["id"]): Todo.shown(_shown(row)) for row in rows}, there)
        tombstones = await self._database.fetch(NUMBERS, account.user_id)
        self._equal(f"{account.name}'s tombstones", {str(t["id"]) for t in tombstones}, wanted.keys() - there.keys())
        numbers = Counter(row["seq"] for row in [*rows, *tombstones])
        self._equal(f"{account.name}'s shared numbers", [n for n, times in numbers.items() if times > 1], [])
        counts = Counter(todo.place for todo in there.values())
        counter = tuple(await self._database.fetchrow(COUNTER, account.user_id))
        expected = (account.ledger.numbers, counts[Place.LIVE], counts[Place.TRASH])
        self._equal(f"{account.name}'s counter (seq, live, trash)", counter, expected)
        self._equal(f"{account.name}'s latest number", max(numbers), counter[0])

    def _compare_rows(self, name: str, found: Mapping[str, Todo], wanted: Mapping[str, Todo]) -> None:
        for todo_id in sorted(found.keys() | wanted.keys()):
            self._equal(f"{name}'s row", found.get(todo_id), wanted.get(todo_id))

    async def settle_mails(self) -> None:
        """Wait until every event is done, having checked that none would wait longer than it must.

        Raises `AssertionError` when they are not done in time.
        """
        await self._until_idle()
        if stuck := await self._database.fetchval(STUCK):
            self._tally.fault(f"{stuck} events are due in more than five minutes")
        await self._database.execute(NOW)
        await until(self._all_are_done, MAIL_SECONDS)

    async def compare_mails(self, account: Account, letters: Letterbox) -> None:
        """Note which of a user's todos did not get one event, or an event no mail."""
        rows = await self._database.fetch(EVENTS, account.user_id)
        announced = Counter(json.loads(row["payload"])["todo_id"] for row in rows)
        self._equal(f"{account.name}'s events", announced, Counter(account.ledger.todos.keys()))
        for row in rows:
            letter = str(row["event_id"]), f"Todo created: {json.loads(row['payload'])['title']}"
            if row["state"] != "done" or not letters.letters[letter]:
                self._tally.fault(f"{account.name}: event {dict(row)}, mailed {letters.letters[letter]} times")

    def compare_letters(self, letters: Letterbox) -> None:
        """Note mails without an event, and more that came again than can have been in hand when somebody was killed."""
        self._equal("different mails", len(letters.letters), self._tally.acknowledged["create"])
        self._tally.mails = letters.letters.total()
        self._tally.repeated_mails = self._tally.mails - len(letters.letters)
        kills = self._tally.kills["todo-worker"] + self._tally.kills["postgres"]
        if self._tally.repeated_mails > AT_ONCE * kills:
            self._tally.fault(f"{self._tally.repeated_mails} mails came again after {kills} kills")

    async def _until_idle(self) -> None:
        """Wait until the worker has nothing in hand: the number of open events does not change for a while."""
        number, since = -1, 0.0

        async def is_idle() -> bool:
            nonlocal number, since
            before, number = number, await self._database.fetchval(OPEN)
            if number != before:
                since = time.monotonic()
            return time.monotonic() > since + IDLE_SECONDS

        await until(is_idle, MAIL_SECONDS)

    async def _all_are_done(self) -> bool:
        return await self._database.fetchval(OPEN) == 0

    def _equal(self, what: str, found: object, wanted: object) -> None:
        if found != wanted:
            self._tally.fault(f"{what}: {found} instead of {wanted}")


def _shown(row: asyncpg.Record) -> dict[str, object]:
    return {**row, "id": str(row["id"])}
