"""Those who read: a device of each user keeps a copy with the reference client, and dies now and then."""

import asyncio
import json
import random
from pathlib import Path

import httpx

from tests.chaos.account import Account
from tests.chaos.ledger import Todo
from tests.chaos.tally import Tally
from tests.system.sync_client import SyncClient, TryLater

POLL_SECONDS, RETRY_SECONDS, CUT_SECONDS = 1.0, 0.3, 0.05
CRASHES, CUTS = 0.05, 0.1
"""How many of its pulls are followed by a crash, and how many are cut by one."""


class Reader:
    """One device that follows the feed. It asks now and then, or, when it `listens`, only after an event said so."""

    def __init__(self, account: Account, file: Path, dice: random.Random, *, listens: bool) -> None:
        self.name = f"{account.name}'s {'listener' if listens else 'poller'}"
        self.account = account
        self._file, self._dice, self._listens = file, dice, listens
        self._tally: Tally = account.tally
        self._open()

    async def live(self) -> None:
        """Follow until it is cancelled."""
        try:
            while True:
                await (self._listen() if self._listens else self._poll())
        finally:
            await self._http.aclose()

    def copy(self) -> dict[str, Todo]:
        """Return the copy, as it is in its file."""
        state = json.loads(self._file.read_text()) if self._file.exists() else {"copy": {}}
        return {todo_id: Todo.shown(todo) for todo_id, todo in state["copy"].items()}

    def what_differs(self) -> list[str]:
        """Return the ids of todos that its copy does not have as they must be."""
        copy, wanted = self.copy(), self.account.ledger.there()
        return sorted(i for i in copy.keys() | wanted.keys() if copy.get(i) != wanted.get(i))

    async def _poll(self) -> None:
        await self._pull()
        await asyncio.sleep(self._dice.uniform(0, POLL_SECONDS))

    async def _listen(self) -> None:
        """Hear one stream to its end, and pull at each event."""
        try:
            async with self._http.stream("GET", "/events") as response:
                if response.status_code == 200:
                    await self._pull_at_each(response)
        except httpx.HTTPError:
            pass
        await asyncio.sleep(RETRY_SECONDS)

    async def _pull_at_each(self, response: httpx.Response) -> None:
        async for line in response.aiter_lines():
            if line.startswith("data:"):
                self._tally.events += 1
                if not await self._pull():
                    return  # A new process has a new stream, which begins with an event.

    async def _pull(self) -> bool:
        """Bring the copy up to date, however long it takes; return whether the process has outlived it."""
        while True:
            is_cut = self._dice.random() < CUTS
            try:
                async with asyncio.timeout(self._dice.uniform(0, CUT_SECONDS) if is_cut else None):
                    await self._client.sync()
            except TryLater:
                await asyncio.sleep(RETRY_SECONDS)
            except TimeoutError:
                await self._crash()
                return False
            else:
                break
        self._tally.pulls += 1
        if is_dead := self._dice.random() < CRASHES:
            await self._crash()
        return not is_dead

    async def _crash(self) -> None:
        self._tally.crashes += 1
        await self._http.aclose()
        self._open()

    def _open(self) -> None:
        """Begin anew from the file."""
        self._http = self.account.open_client()
        self._http.event_hooks["response"].append(self._note)
        self._client = SyncClient(self._http, self._file)

    async def _note(self, response: httpx.Response) -> None:
        if response.status_code == 410:
            self._tally.resets += 1
