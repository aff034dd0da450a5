"""A small world around the real feed and a real PostgreSQL: a schedule decides who writes, ends and reads when.

Writers of one user are connections of their own, and write as the service does: they hold the user's counter from
their first statement to their COMMIT or ROLLBACK, and a schedule may let others go on in between. Readers follow
`GET /changes` in pages of any size. What was committed at each number is remembered, and every copy is compared to it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import httpx

from tests.todo_service.changes.ledger import Ledger, Rules
from todo_service.changes.feed.sync_token import SyncToken

Copy = dict[str, str]
"""Titles by id. Each change gives its todo a title that it never had before."""

OPERATIONS = ("create", "create", "create", "change", "change", "trash", "trash", "restore", "remove", "sweep", "epoch")


@dataclass
class Writer:
    """A connection, and its transaction while one is open."""

    ledger: Ledger
    transaction: asyncpg.transaction.Transaction | None = None
    starting: asyncio.Task[None] | None = None

    @property
    def connection(self) -> asyncpg.Connection:
        return self.ledger.connection


@dataclass
class Reader:
    """Somebody with a copy, who keeps to the rules of the feed."""

    shows_trash: bool
    copy: Copy = field(default_factory=dict)
    token: str | None = None
    is_walking: bool = False


class World:
    """One run: `play` a schedule, then look at `faults`."""

    def __init__(
        self, user_id: str, client: httpx.AsyncClient, connections: Sequence[asyncpg.Connection], rules: Rules
    ) -> None:
        self.user_id, self.client, self.rules = user_id, client, rules
        self.writers = [Writer(Ledger(connection, user_id, rules)) for connection in connections]
        self.readers = [Reader(shows_trash=False), Reader(shows_trash=True), Reader(shows_trash=False)]
        self.faults: list[str] = []
        self.head = 0
        self.states: dict[tuple[UUID, int], dict[str, tuple[str, bool]]] = {}

    async def play(self, schedule: Sequence[tuple[str, int, int]]) -> None:
        """Take each step that can be taken now; in the end everybody finishes, and a newcomer joins."""
        await self._open_account()
        try:
            for what, who, how in schedule:
                if what == "read":
                    await self._read(self.readers[who % len(self.readers)], 1 + how % 4)
                elif what == "write":
                    await self._write(self.writers[who % len(self.writers)], how)
                else:
                    await self._end(self.writers[who % len(self.writers)], commits=what == "commit")
        finally:
            await self._finish()
        self.readers += [Reader(shows_trash=False), Reader(shows_trash=True)]
        for reader in self.readers:
            while reader.is_walking or not self._is_at_head(reader):
                await self._read(reader, 3)

    async def _open_account(self) -> None:
        first = self.writers[0].connection
        epoch = uuid4()
        await first.execute("INSERT INTO user_streams (user_id, epoch) VALUES ($1, $2)", self.user_id, epoch)
        self.states[epoch, 0] = {}
        if not self.rules.locks_counter:
            await first.execute("CREATE SEQUENCE IF NOT EXISTS numbers; ALTER SEQUENCE numbers RESTART")

    async def _write(self, writer: Writer, how: int) -> None:
        """Open a transaction, or wait for the one that holds the counter; then do something in it."""
        if writer.starting is not None:
            return
        if writer.transaction is not None:
            await self._operate(writer, how)
            return
        others = [other for other in self.writers if other.transaction or other.starting]
        if not others or not self.rules.locks_counter:
            await self._begin(writer)
            await self._operate(writer, how)
        elif not any(other.starting for other in others):
            writer.starting = asyncio.create_task(self._begin(writer))
            await asyncio.wait({writer.starting}, timeout=0.002)

    async def _begin(self, writer: Writer) -> None:
        transaction = writer.connection.transaction()
        await transaction.start()
        await writer.ledger.lock()
        writer.transaction, writer.starting = transaction, None

    async def _operate(self, writer: Writer, how: int) -> None:
        operation, target = OPERATIONS[how % len(OPERATIONS)], how // len(OPERATIONS)
        if not self.rules.locks_counter:
            # Two that change the same row would wait for each other, and nobody else here would move on.
            operation = "create"
        rows = await writer.connection.fetch(
            "SELECT id, deleted_at FROM todos WHERE user_id = $1 ORDER BY id", self.user_id
        )
        if operation in {"create", "sweep", "epoch"}:
            await getattr(writer.ledger, operation)()
            return
        fitting = [one for one in rows if one["deleted_at"] is None or operation in {"restore", "remove"}]
        if fitting:
            await getattr(writer.ledger, operation)(fitting[target % len(fitting)]["id"])

    async def _end(self, writer: Writer, *, commits: bool) -> None:
        if writer.transaction is None:
            return
        if commits:
            await self._remember(writer)
            await writer.transaction.commit()
        else:
            await writer.transaction.rollback()
        writer.transaction = None
        if waiting := next((other.starting for other in self.writers if other.starting), None):
            await waiting

    async def _remember(self, writer: Writer) -> None:
        """Note what everybody can see as soon as this transaction has committed."""
        if not self.rules.locks_counter:
            raised = "UPDATE user_streams SET seq = (SELECT coalesce(max(seq), 0) FROM todos WHERE user_id = $1)"
            await writer.connection.execute(f"{raised} WHERE user_id = $1", self.user_id)
        counter = await writer.connection.fetchrow("SELECT * FROM user_streams WHERE user_id = $1", self.user_id)
        if self.rules.locks_counter and counter["seq"] != self.head + writer.ledger.taken:
            self.faults.append(f"{writer.ledger.taken} changes after {self.head} ended at {counter['seq']}")
        self.head = counter["seq"]
        rows = await writer.connection.fetch("SELECT * FROM todos WHERE user_id = $1", self.user_id)
        state = {str(one["id"]): (one["title"], one["deleted_at"] is None) for one in rows}
        self.states[counter["epoch"], counter["seq"]] = state

    async def _finish(self) -> None:
        for writer in self.writers:
            await self._end(writer, commits=True)
        for writer in self.writers:
            await self._end(writer, commits=True)

    async def _read(self, reader: Reader, limit: int) -> None:
        """Take one page, as a client does."""
        beginning = {"include_trash": "true"} if reader.shows_trash else {}
        place = beginning if reader.token is None else {"since": reader.token}
        response = await self.client.get("/changes", params={"limit": limit, **place})
        if response.status_code == 410:
            reader.copy, reader.token, reader.is_walking = {}, None, True
            return
        answer = response.json()
        self._check(reader, answer)
        for change in answer["changes"]:
            if change["op"] == "upsert":
                reader.copy[change["id"]] = change["data"]["title"]
            else:
                reader.copy.pop(change["id"], None)
        reader.token, reader.is_walking = answer["next"], answer["has_more"]
        if not reader.is_walking:
            self._compare(reader)

    def _check(self, reader: Reader, answer: dict) -> None:
        numbers, ids = ([change[name] for change in answer["changes"]] for name in ("seq", "id"))
        if numbers != sorted(set(numbers)) or len(set(ids)) != len(ids):
            self.faults.append(f"out of order, or twice: {answer['changes']}")
        if reader.token is None and any(change["op"] == "delete" for change in answer["changes"]):
            self.faults.append("a newcomer hears of what was deleted before")

    def _compare(self, reader: Reader) -> None:
        token = SyncToken.decode(reader.token)
        state = self.states[token.epoch, token.seq]
        expected = {todo: title for todo, (title, is_live) in state.items() if is_live or reader.shows_trash}
        if reader.copy != expected:
            self.faults.append(f"at {token.seq}: {reader.copy} instead of {expected}")

    def _is_at_head(self, reader: Reader) -> bool:
        return reader.token is not None and SyncToken.decode(reader.token).seq == self.head
