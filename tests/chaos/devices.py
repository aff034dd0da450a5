"""Those who write: each device changes todos of its own at random, and some that it shares with its user's others."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

from shared.lifespan import pause
from tests.chaos.ledger import MARKS, Ledger, Place, Todo
from tests.chaos.line import Answer, Line

MOST = 12
"""How many todos of its own a device has at most, so that copies stay small."""
AT_ONCE = 3
"""How many of them it writes in one bulk."""
PAUSE_SECONDS = 0.8
LATE_SECONDS = 10.0
"""How long a request whose answer was lost may still be carried out: waiting for its turn, then for the lock, then its
transaction. So long nobody touches what it would undo, unless it has a key or names the version it was made for."""
KEY, REPLAYED = "Idempotency-Key", "Idempotency-Replayed"


@dataclass(frozen=True, slots=True)
class Deed:
    """A way to write a todo: the status of a first time, and of one more after a try that was carried out."""

    name: str
    done: int
    again: int


CREATE = Deed("create", 201, 409)
CHANGE = Deed("change", 200, 412)
DELETE = Deed("delete", 204, 404)
RESTORE = Deed("restore", 200, 412)
PURGE = Deed("purge", 204, 404)


class Device:
    """One device of a user."""

    def __init__(self, name: str, line: Line, ledger: Ledger, dice: random.Random) -> None:
        self._name, self._line, self._ledger, self._dice = name, line, ledger, dice
        self._own: set[str] = set()
        self._resting: dict[str, float] = {}
        self._number = 0

    async def live(self, stop: asyncio.Event) -> None:
        """Write until `stop`; what is begun is brought to its end."""
        acts: dict[Callable[[], Awaitable[None]], int] = {
            self._share: 3,
            self._create: 4,
            self._change: 6,
            self._delete: 2,
            self._restore: 2,
            self._purge: 2,
            self._bulk: 2,
        }
        while not stop.is_set():
            await self._dice.choices(list(acts), list(acts.values()))[0]()
            await pause(stop, self._dice.uniform(0, PAUSE_SECONDS))

    async def _create(self) -> None:
        """Create one, with an id of its own or with a key: either makes one todo of many tries."""
        if len(self._own) >= MOST:
            return
        mark, name = self._mark(), self._name_of_its_own()
        todo = Todo(id=name, title=f"Todo {mark}", description=mark)
        fields = {"title": todo.title, "description": mark}
        if is_keyed := self._dice.random() < 0.5:
            answer = await self._line.ask("POST", "/todos", json=fields, headers={KEY: name})
            todo = replace(todo, id=answer.body.get("id", name))
        else:
            answer = await self._line.ask("POST", "/todos", json={**fields, "id": name})
        self._own.add(todo.id)
        self._settle(CREATE, answer, todo, is_safe=is_keyed)
        await self._look_for(todo)

    async def _look_for(self, todo: Todo) -> None:
        """The list shows it at once; at most the user's few other devices can have created another since."""
        answer = await self._line.ask("GET", "/todos", params={"limit": "50"})
        if answer.status != 200 or todo.id not in {shown["id"] for shown in answer.body}:
            self._fault(f"a list asked for after the create does not show {todo.id}")

    async def _change(self) -> None:
        if todo := self._any(Place.LIVE):
            fields = {"title": f"Todo {self._mark()}"}
            if self._dice.random() < 0.5:
                fields |= {"completed": self._dice.random() < 0.5, "priority": self._dice.randint(1, 5)}
            after = replace(todo, **fields, version=todo.version + 1)
            condition = self._condition(todo)
            answer = await self._line.ask("PATCH", f"/todos/{todo.id}", json=fields, headers=condition)
            self._settle(CHANGE, answer, after, is_safe=bool(condition))

    async def _delete(self) -> None:
        if todo := self._any(Place.LIVE):
            after = replace(todo, place=Place.TRASH, version=todo.version + 1)
            condition = self._condition(todo)
            answer = await self._line.ask("DELETE", f"/todos/{todo.id}", headers=condition)
            self._settle(DELETE, answer, after, is_safe=bool(condition))

    async def _restore(self) -> None:
        if todo := self._any(Place.TRASH):
            after = replace(todo, place=Place.LIVE, version=todo.version + 1)
            condition = self._condition(todo) or {KEY: self._name_of_its_own()}
            answer = await self._line.ask("POST", f"/todos/{todo.id}/restore", headers=condition)
            self._settle(RESTORE, answer, after, is_safe=True)

    async def _purge(self) -> None:
        if todo := self._any(Place.LIVE, Place.TRASH):
            path, condition = f"/todos/{todo.id}", self._condition(todo)
            answer = await self._line.ask("DELETE", path, params={"permanent": "true"}, headers=condition)
            self._own.discard(todo.id)
            self._settle(PURGE, answer, replace(todo, place=Place.GONE))

    async def _bulk(self) -> None:
        """Write a few at once under one key, all or none: change or delete what is live, restore what is not."""
        deeds: list[tuple[Deed, Todo, dict[str, object]]] = []
        for todo in self._some(Place.LIVE, Place.TRASH)[:AT_ONCE]:
            title = f"Todo {self._mark()}"
            later = replace(todo, version=todo.version + 1)
            if todo.place is Place.TRASH:
                deeds.append((RESTORE, replace(later, place=Place.LIVE), {"op": "restore"}))
            elif self._dice.random() < 0.5:
                deeds.append((DELETE, replace(later, place=Place.TRASH), {"op": "delete"}))
            else:
                deeds.append((CHANGE, replace(later, title=title), {"op": "update", "data": {"title": title}}))
        if not deeds:
            return
        bulk = {"operations": [{**operation, "id": after.id} for _, after, operation in deeds]}
        answer = await self._line.ask("POST", "/todos/bulk", json=bulk, headers={KEY: self._name_of_its_own()})
        if answer.status != 200:
            self._fault(f"a bulk is answered {answer}")
            return
        for (deed, after, _), result in zip(deeds, answer.body["results"], strict=True):
            single = replace(answer, status=result["status"], body=result.get("todo") or {})
            self._settle(deed, single, after, is_safe=True)

    async def _share(self) -> None:
        """Add a mark to a shared todo, whoever else does: read, write on condition, and if refused once more."""
        todo_id, mark = self._dice.choice(sorted(self._ledger.chains)), self._mark()
        known = await self._line.ask("GET", f"/todos/{todo_id}")
        while known.todo is not None:
            todo = Todo.shown(known.todo)
            if mark in todo.marks:
                # Refused, if an earlier try was carried out; others may have added theirs since.
                self._ledger.link(todo_id, todo.version - todo.marks[::-1].index(mark), mark)
                self._ledger.tally.found_done += known.status == 412
                if known.status == 200 or known.may_be_second:
                    return
                break
            fields = {"description": " ".join([*todo.marks, mark][-MARKS:])}
            condition = {"If-Match": f'"{todo.version}"'}
            known = await self._line.ask("PATCH", f"/todos/{todo_id}", json=fields, headers=condition)
        self._fault(f"a shared change is answered {known}")

    def _settle(self, deed: Deed, answer: Answer, after: Todo, *, is_safe: bool = False) -> None:
        """Note that a write is done, if `answer` says so. One that `is_safe` does no harm when it comes late."""
        is_again = answer.may_be_second and answer.status == deed.again
        if REPLAYED in answer.headers and not answer.may_be_second:
            self._fault(f"{deed.name} of {after.id} is replayed at the first try")
        if answer.status != deed.done and not is_again:
            self._fault(f"{deed.name} of {after.id} is answered {answer}")
        elif answer.todo and Todo.shown(answer.todo) != after:
            self._fault(f"{deed.name} shows {answer.todo} instead of {after}")
        self._ledger.tally.found_done += is_again or REPLAYED in answer.headers
        self._ledger.write(deed.name, after)
        if answer.may_be_second and not is_safe:
            self._resting[after.id] = asyncio.get_running_loop().time() + LATE_SECONDS

    def _any(self, *places: Place) -> Todo | None:
        """Return one of its own todos that are there and that no late request can touch, None when there is none."""
        found = self._some(*places)
        return found[0] if found else None

    def _some(self, *places: Place) -> list[Todo]:
        """Return all of them, shuffled."""
        now = asyncio.get_running_loop().time()
        free = [todo_id for todo_id in sorted(self._own) if self._resting.get(todo_id, 0) < now]
        found = [todo for todo_id in free if (todo := self._ledger.todos[todo_id]).place in places]
        self._dice.shuffle(found)
        return found

    def _condition(self, todo: Todo) -> dict[str, str]:
        return {"If-Match": f'"{todo.version}"'} if self._dice.random() < 0.5 else {}

    def _name_of_its_own(self) -> str:
        return str(UUID(int=self._dice.getrandbits(128), version=4))

    def _mark(self) -> str:
        self._number += 1
        return f"{self._name}.{self._number}"

    def _fault(self, what: str) -> None:
        self._ledger.tally.fault(f"{self._name}: {what}")
