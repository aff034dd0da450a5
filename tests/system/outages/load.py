"""People who use the set all the time, and note how they are answered."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.system.conftest import Person
from tests.waiting import until

__all__ = ["Answer", "Load", "at_most", "under_load"]

ENOUGH_SECONDS = 120
THINKING_SECONDS = 0.02
CREATE = "POST /todos"


@dataclass(frozen=True, slots=True)
class Answer:
    """How one request was answered; `status` is 0 where no answer came."""

    phase: str
    asked: str
    status: int
    code: str
    retry_after: str | None
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether it did what was asked."""
        return 200 <= self.status < 300


@dataclass
class Load:
    """What has happened under it so far."""

    phase: str = "before"
    """Requests are noted under what this was when they were sent."""
    answers: list[Answer] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Titles that a list, asked for after their todo was created, did not show."""
    titles: dict[str, list[str]] = field(default_factory=dict)
    """What was acknowledged, by the creator's address."""

    @property
    def acknowledged(self) -> list[str]:
        """All titles that were."""
        return sorted(title for titles in self.titles.values() for title in titles)

    async def goes_on(self, more: int) -> None:
        """Return when so many more have been answered."""
        enough = len(self.answers) + more
        await until(lambda: len(self.answers) >= enough, ENOUGH_SECONDS)

    async def works_again(self, phase: str) -> float:
        """Begin a phase, and return how many seconds it took until a todo was created."""
        clock = asyncio.get_running_loop().time
        self.phase, began = phase, clock()
        await until(lambda: any(a.is_good and a.asked == CREATE for a in self.during(phase)), ENOUGH_SECONDS)
        return clock() - began

    def during(self, *phases: str) -> list[Answer]:
        """Return the answers of these phases."""
        return [answer for answer in self.answers if answer.phase in phases]

    def bad(self, *phases: str) -> Counter[tuple[str, int, str]]:
        """Return what was not answered well in these phases, or ever, and how often."""
        found = self.during(*phases) if phases else self.answers
        return Counter((answer.asked, answer.status, answer.code) for answer in found if not answer.is_good)


def at_most(percent: int, answers: Iterable[Answer]) -> float:
    """Return the seconds that so many percent of these took at most."""
    seconds = sorted(answer.seconds for answer in answers)
    return seconds[len(seconds) * percent // 100]


@asynccontextmanager
async def under_load(people: Sequence[Person]) -> AsyncIterator[Load]:
    """Let these people create todos, list them and ask who they are, each one thing after the other, while entered."""
    load, stop = Load(), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for person in people:
            tasks.create_task(_use(load, person, stop))
        try:
            yield load
        finally:
            stop.set()


async def _use(load: Load, person: Person, stop: asyncio.Event) -> None:
    acknowledged, number = load.titles.setdefault(person.email, []), 0
    while not stop.is_set():
        number += 1
        title = f"{number} of {person.email}"
        created = await _note(load, person.client, CREATE, json={"title": title})
        if created and created.is_success:
            acknowledged.append(title)
        for _ in range(3):
            listed = await _note(load, person.client, "GET /todos")
            if listed and listed.is_success and acknowledged:
                load.stale += {acknowledged[-1]} - {todo["title"] for todo in listed.json()}
        await _note(load, person.client, "GET /auth/me")
        await asyncio.sleep(THINKING_SECONDS)


async def _note(load: Load, client: httpx.AsyncClient, asked: str, **more: object) -> httpx.Response | None:
    clock, phase = asyncio.get_running_loop().time, load.phase
    began = clock()
    try:
        answer = await client.request(*asked.split(), **more)
    except httpx.TransportError as error:
        load.answers.append(Answer(phase, asked, 0, repr(error), None, clock() - began))
        return None
    code = "" if answer.is_success else answer.json()["code"]
    retry_after = answer.headers.get("retry-after")
    load.answers.append(Answer(phase, asked, answer.status_code, code, retry_after, clock() - began))
    return answer
