"""Devices with the reference client: whatever gets lost, all have exactly what was written, and so has a new one."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.running_set import RunningSet
from tests.system.conftest import Person
from tests.system.sync_client import SyncClient, Todo, TryLater

DEVICES, ROUNDS, SHARED, DOOMED = 5, 30, 4, 6


class LossyLine(httpx.AsyncHTTPTransport):
    """Loses one request in ten before it arrives, and the answers to as many."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self._dice = dice
        self.is_lossy = True

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`, perhaps."""
        luck = self._dice.random() if self.is_lossy else 1
        if luck < 0.1:
            raise httpx.ConnectError("lost on its way")
        response = await super().handle_async_request(request)
        if luck < 0.2:
            await response.aread()
            raise httpx.ReadError("its answer was lost")
        return response


def join_words(current: Todo, fields: Todo) -> Todo:
    """Merge descriptions: each word that anybody has added stays."""
    if "description" not in fields:
        return fields
    return {**fields, "description": with_words(current, fields["description"].split())}


def with_words(todo: Todo, words: Sequence[str]) -> str:
    """Return the description of `todo` with some words more."""
    return " ".join(sorted({*(todo.get("description") or "").split(), *words}))


class Device:
    """Somebody's phone: its client dies and comes back, and it knows what it has written."""

    def __init__(self, name: str, http: httpx.AsyncClient, file: Path, dice: random.Random) -> None:
        self.name, self._http, self._file, self._dice = name, http, file, dice
        self.own: dict[str, tuple[str, bool]] = {}
        """Titles of what only this device touches, and whether it is outside the trash."""
        self.words: defaultdict[str, set[str]] = defaultdict(set)
        self.deleted: set[str] = set()
        self.resets, self.losses, self.crashes = 0, 0, 0
        self.restart()

    def restart(self) -> None:
        """Begin anew from the file."""
        self.client = SyncClient(self._http, self._file, join_words)

    def act(self, shared: Sequence[str], doomed: Sequence[str], number: int) -> None:
        """Write something; no network is needed for it."""
        kind = self._dice.choice(["create", "word", "word", "word", "title", "toggle", "doom"])
        if kind == "create":
            title = f"{self.name} {number}"
            self.own[self.client.create(title)] = (title, True)
            return
        # Nobody can choose what their device does not show, as just after a reset.
        choice = {"word": shared, "doom": doomed}.get(kind, sorted(self.own))
        shown = [todo for todo_id in choice if (todo := self.client.find(todo_id)) is not None]
        if shown:
            getattr(self, f"_{kind}")(self._dice.choice(shown), f"{self.name}-{number}")

    def _word(self, todo: Todo, word: str) -> None:
        self.words[todo["id"]].add(word)
        self.client.change(todo["id"], description=with_words(todo, [word]))

    def _doom(self, todo: Todo, word: str) -> None:
        if todo["deleted_at"] is None:
            self.client.change(todo["id"], description=word)
            self.client.delete(todo["id"])
            self.deleted.add(todo["id"])

    def _toggle(self, todo: Todo, _: str) -> None:
        title, is_live = self.own[todo["id"]]
        (self.client.delete if is_live else self.client.restore)(todo["id"])
        self.own[todo["id"]] = (title, not is_live)

    def _title(self, todo: Todo, word: str) -> None:
        if self.own[todo["id"]][1]:
            self.client.change(todo["id"], title=word)
            self.own[todo["id"]] = (word, True)

    async def sync(self, foreign_token: str) -> None:
        """Try to sync; now and then the process dies at it, or wakes up with a token that is void."""
        task = asyncio.create_task(self.client.sync())
        if self._dice.random() < 0.25:
            await asyncio.wait({task}, timeout=self._dice.random() * 0.05)
            self.crashes += task.cancel()
        try:
            await task
        except TryLater:
            self.losses += 1
        except asyncio.CancelledError:
            self.restart()
        if self._dice.random() < 0.1 and self._file.exists():
            self.resets += 1
            state = json.loads(self._file.read_text())
            self._file.write_text(json.dumps(state | {"token": foreign_token}))
            self.restart()


def content(todos: Sequence[Todo]) -> dict[str, tuple[str, str | None]]:
    """Return what of todos the devices write."""
    return {todo["id"]: (todo["title"], todo["description"]) for todo in todos}


async def live(device: Device, shared: Sequence[str], doomed: Sequence[str], token: str) -> None:
    """Let a device write and sync for a while."""
    for number in range(ROUNDS):
        device.act(shared, doomed, number)
        if number % 3 == 0:
            await device.sync(token)


async def settle(device: Device) -> None:
    """Sync until it works: the line is good now, but the set may be busy."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await device.client.sync()
            except TryLater:
                await asyncio.sleep(0.1)


@pytest.fixture
async def line_to(running_set: RunningSet) -> AsyncIterator[Callable[[LossyLine, Person], httpx.AsyncClient]]:
    """A client of a person's, over a line of its own."""
    async with AsyncExitStack() as opened:

        def connect(line: LossyLine, person: Person) -> httpx.AsyncClient:
            headers = {"Authorization": person.client.headers["Authorization"]}
            client = httpx.AsyncClient(transport=line, base_url=running_set.url, headers=headers, timeout=10)
            opened.push_async_callback(client.aclose)
            return client

        yield connect


class TestDevices:
    @pytest.mark.parametrize("seed", [1, 2, 3])
    async def test_all_have_exactly_what_was_written(self, new_person, line_to, tmp_path, seed):
        """Lost requests, lost answers, crashes at any moment and void tokens change nothing of it."""
        ada, grace = await new_person(), await new_person()
        await grace.create("something")
        foreign_token = (await grace.client.get("/changes")).json()["next"]
        shared = [(await ada.create(f"shared {number}")).json()["id"] for number in range(SHARED)]
        doomed = [(await ada.create(f"doomed {number}")).json()["id"] for number in range(DOOMED)]
        lines = [LossyLine(random.Random(seed * 100 + number)) for number in range(DEVICES)]
        devices = [
            Device(f"d{number}", line_to(line, ada), tmp_path / f"{number}.json", random.Random(seed * 10 + number))
            for number, line in enumerate(lines)
        ]

        await asyncio.gather(*(live(device, shared, doomed, foreign_token) for device in devices))
        for line in lines:
            line.is_lossy = False
        for _ in range(2):
            for device in devices:
                await settle(device)

        expected = {todo_id: (title, None) for d in devices for todo_id, (title, is_live) in d.own.items() if is_live}
        for number, todo_id in enumerate(shared):
            words = {word for device in devices for word in device.words[todo_id]}
            expected[todo_id] = (f"shared {number}", " ".join(sorted(words)) or None)
        for number, todo_id in enumerate(doomed):
            if all(todo_id not in device.deleted for device in devices):
                expected[todo_id] = (f"doomed {number}", None)
        fresh = SyncClient(ada.client, tmp_path / "fresh.json")
        await fresh.sync()
        assert content(fresh.todos()) == expected
        for device in devices:
            assert content(device.client.todos()) == expected
        assert content((await ada.client.get("/todos", params={"limit": 200})).json()) == expected
        assert all(sum(getattr(d, name) for d in devices) > 0 for name in ("losses", "crashes", "resets"))
