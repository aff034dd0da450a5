"""The storm: users at work, each with several devices that write and one that reads, while processes are killed."""

import asyncio
import random
from collections.abc import Iterable
from uuid import uuid4

from tests.chaos.account import Account
from tests.chaos.devices import Device
from tests.chaos.killer import Killer
from tests.chaos.ledger import Todo
from tests.chaos.letterbox import Letterbox
from tests.chaos.line import Line
from tests.chaos.readers import Reader
from tests.chaos.tally import Tally
from tests.running_set import RunningSet

USERS, DEVICES, SHARED = 10, 5, 2
KNOWN_SECONDS = 60.0
"""How soon after the last kill it is known what became of every write."""


class Storm:
    """One storm over a running set. `seed` decides who does what, and who is killed when."""

    def __init__(self, running: RunningSet, letters: Letterbox, seed: int) -> None:
        """Keep the copies of those who read in the set's folder. `letters` is where its mails arrive."""
        assert running.folder is not None
        self.tally = Tally()
        self.running, self.letters = running, letters
        self.database_url: str = running.stack()["databases"]["todo"]
        self._seeds = random.Random(seed)
        self._killer = Killer(running, self.tally, self._dice())
        self.accounts = [Account(f"user{n}", running.url, self.tally, self._dice()) for n in range(USERS)]
        self.readers = [
            Reader(account, running.folder / f"{account.name}.json", self._dice(), listens=number % 2 == 0)
            for number, account in enumerate(self.accounts)
        ]
        self._reading: list[asyncio.Task[None]] = []

    async def rage(self, seconds: float) -> None:
        """Let it rage for so long; return when all is ready again and every write's outcome is known."""
        quiet = asyncio.Event()
        for account in self.accounts:
            await self._open(account)
        self._reading = [asyncio.create_task(reader.live()) for reader in self.readers]
        working = [asyncio.create_task(account.stay_logged_in(quiet)) for account in self.accounts]
        for account in self.accounts:
            working += [asyncio.create_task(self._work(account, number, quiet)) for number in range(DEVICES)]
        self.tally.begin()
        await self._killer.rage(seconds)
        await self._killer.until_all_are_ready()
        quiet.set()
        await self._ended(working, KNOWN_SECONDS)

    async def stop_readers(self) -> None:
        """Switch off those who read."""
        for task in self._reading:
            task.cancel()
        await self._ended(self._reading, KNOWN_SECONDS)

    async def _open(self, account: Account) -> None:
        """Register a user and create what their devices share."""
        await account.register()
        async with account.open_client() as client:
            for _ in range(SHARED):
                todo = Todo(id=str(uuid4()), title="Shared", description="first")
                wanted = {"id": todo.id, "title": todo.title, "description": todo.description}
                response = await client.post("/todos", json=wanted)
                assert response.status_code == 201, response.text
                account.ledger.share(todo)

    async def _work(self, account: Account, number: int, stop: asyncio.Event) -> None:
        """Be one device."""
        dice = self._dice()
        async with account.open_client() as client:
            line = Line(client, self.tally, dice)
            await Device(f"{account.name}.{number}", line, account.ledger, dice).live(stop)

    async def _ended(self, tasks: Iterable[asyncio.Task[None]], seconds: float) -> None:
        """Wait for the ends of tasks, and note those that failed, or did not come."""
        done, pending = await asyncio.wait(tasks, timeout=seconds)
        for task in pending:
            task.cancel()
        for failed in [task.exception() for task in done if not task.cancelled()]:
            if failed is not None:
                self.tally.fault(f"a client failed: {failed!r}")
        if pending:
            self.tally.fault(f"{len(pending)} clients still do not know what became of their requests")

    def _dice(self) -> random.Random:
        return random.Random(self._seeds.random())
