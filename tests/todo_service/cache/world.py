"""A small world around the real cache and a real Valkey, in which a schedule decides who moves next and what breaks.

PostgreSQL is one number here, the version of the committed list, and a page shows the version that its query saw. Two
replicas have a cache each; writers and readers of one user run on them, and stop before each step until they are
chosen. So any interleaving of a few requests can be played, and played again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from shared.redis import RedisClient, RedisUnavailable, Reply
from shared.redis_line import Part
from todo_service.todos.cache import Page, PageCache, Permit

USER, DIGEST = "ada", b"one page"
MINUTE = 60.0

EVENTS = {1: "lost", 2: "lost", 3: "lost", 4: "late", 5: "reply lost", 6: "kill", 7: "kill", 8: "flush", 9: "minute"}
"""What else may happen, of 32 equal chances."""

BURSTS = (1, 1, 1, 2, 3, 9, 9, 9)
"""How many steps a request may take in one go: without long ones, hardly a request would ever be over."""


class Line:
    """A replica's client, on whose line the next command can get lost, or its reply, or come late."""

    def __init__(self, client: RedisClient, world: "World") -> None:
        self._client = client
        self._world = world

    async def call(self, *command: Part) -> Reply:
        """As `RedisClient.call`."""
        fault, self._world.fault = self._world.fault, None
        if fault == "late":
            # The client gives up; what it has sent is still on its way.
            self._world.start(self._arrive(command))
        if fault in {"lost", "late"}:
            raise RedisUnavailable
        answer = await self._client.call(*command)
        if fault == "reply lost":
            raise RedisUnavailable
        return answer

    async def _arrive(self, command: tuple[Part, ...]) -> None:
        await self._world.step("arrive")
        await self._client.call(*command)


@dataclass
class Actor:
    """A request on its way: parked before its next step, or done."""

    task: asyncio.Task[None]
    parked: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    at: str = "begin"


@dataclass(frozen=True)
class Rules:
    """How requests behave. Each field is right as it is here; the proof must notice when one is not."""

    cache: type[PageCache] = PageCache
    clears_before_commit: bool = False
    clears_when_nothing_changed: bool = True
    joins_running_queries: bool = False


class World:
    """One run: `play` a schedule, then look at `faults`."""

    def __init__(self, clients: Sequence[RedisClient], rules: Rules, forget: Callable[[], Awaitable[object]]) -> None:
        """`forget` empties the Valkey of `clients`, however long it takes."""
        self.rules, self._forget = rules, forget
        self.now, self.fault = 0.0, None
        self.committed, self.acknowledged = 0, 0
        self.failed_clears: list[tuple[int, float]] = []
        self.faults: list[str] = []
        self.running: dict[int, int | None] = {}
        self._actors: list[Actor] = []
        self.caches = [rules.cache(Line(client, self), clock=lambda: self.now, step=self.step) for client in clients]

    async def play(self, schedule: Sequence[int]) -> None:
        """Let three writers, one of them repeating, and four readers go as `schedule` says."""
        await self._forget()
        for number in range(3):
            replica = schedule[number] % 2
            self.start(self.write(replica, repeats=number == 2))
        for number in range(4):
            self.start(self.read(schedule[3 + number] % 2))
        for choice in [*schedule[7:], *[0] * 100]:
            parked = [actor for actor in self._actors if not actor.task.done()]
            if not parked:
                break
            await self._run(parked[choice % 8 % len(parked)], EVENTS.get(choice // 8 % 32), BURSTS[choice // 256 % 8])
        for actor in self._actors:
            actor.task.cancel()
        await asyncio.gather(*(actor.task for actor in self._actors), return_exceptions=True)

    async def _run(self, actor: Actor, event: str | None, steps: int) -> None:
        """Let `actor` take some steps, with `event` at the first where it can happen."""
        while steps and not actor.task.done():
            event, steps = await self._happens(event, actor), steps - 1
            actor.parked.clear()
            actor.gate.set()
            waiting = asyncio.ensure_future(actor.parked.wait())
            await asyncio.wait({waiting, actor.task}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            self.fault = None

    async def _happens(self, event: str | None, actor: Actor) -> str | None:
        """Let `event` happen if it can now; return it if not."""
        if event in {"flush", "minute"}:
            # After a minute every hash is dead, too.
            await self._forget()
            self.now += MINUTE + 1 if event == "minute" else 0
            return None
        if event == "kill" and actor.at == "clear":
            # Its process dies; nobody was told that the write has happened.
            actor.task.cancel()
            await asyncio.gather(actor.task, return_exceptions=True)
            return None
        if event in {"lost", "reply lost", "late"} and actor.at in {"read", "fill", "clear"}:
            self.fault = event
            return None
        return event

    def start(self, work: Awaitable[None]) -> None:
        actor = Actor(asyncio.ensure_future(self._begin(work)))
        actor.task.set_name(str(len(self._actors)))
        self._actors.append(actor)

    async def _begin(self, work: Awaitable[None]) -> None:
        await work

    async def step(self, name: str) -> None:
        """Wait here until the schedule chooses this request."""
        task = asyncio.current_task()
        [actor] = [actor for actor in self._actors if actor.task is task]
        actor.at = name
        actor.parked.set()
        await actor.gate.wait()
        actor.gate.clear()

    async def write(self, replica: int, *, repeats: bool) -> None:
        """A write; one that repeats another finds it done and changes nothing."""
        await self.step("begin")
        if self.rules.clears_before_commit:
            await self._clear(replica)
        await self.step("commit")
        self.committed += not repeats
        version = self.committed
        if not self.rules.clears_before_commit and (self.rules.clears_when_nothing_changed or not repeats):
            await self._clear(replica)
        await self.step("acknowledge")
        self.acknowledged = max(self.acknowledged, version)

    async def _clear(self, replica: int) -> None:
        cache = self.caches[replica]
        await cache.clear(USER)
        if USER in cache._distrusted:
            self.failed_clears.append((replica, self.now))

    async def read(self, replica: int) -> None:
        """A read; its answer may not be older than what was acknowledged when it began."""
        await self.step("begin")
        began, floor = self.now, self.acknowledged
        version = await self._page(replica)
        excused = any(other != replica and began - at <= MINUTE for other, at in self.failed_clears)
        if version < floor and not excused:
            self.faults.append(f"version {version} although {floor} was acknowledged")

    async def _page(self, replica: int) -> int:
        cache = self.caches[replica]
        found = await cache.read(USER, DIGEST)
        if isinstance(found, Page):
            return int(found.body)
        version = await self._query(replica)
        if isinstance(found, Permit):
            await cache.fill(USER, DIGEST, found, Page(str(version).encode()))
        return version

    async def _query(self, replica: int) -> int:
        if self.rules.joins_running_queries and replica in self.running:
            while (joined := self.running.get(replica)) is None and replica in self.running:
                await self.step("join")
            return self.committed if joined is None else joined
        self.running[replica] = None
        await self.step("query")
        version = self.committed
        self.running[replica] = version
        await self.step("answer")
        self.running.pop(replica, None)
        return version
