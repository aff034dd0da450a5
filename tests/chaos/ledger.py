"""What one user's todos must be: the oracle.

It is exact. A todo is written by one device only, which waits until it knows what became of each write; or it is
shared, and then every write names the version it is made for and leaves a mark, which tell the order of all of them.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from tests.chaos.tally import Tally

MARKS = 40
"""How many marks a shared todo shows: far more than others can add while one device does not know of its own."""


class Place(StrEnum):
    """Where a todo is."""

    LIVE = "live"
    TRASH = "trash"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Todo:
    """A todo as it must be."""

    id: str
    title: str
    description: str
    completed: bool = False
    priority: int = 3
    version: int = 1
    place: Place = Place.LIVE

    @classmethod
    def shown(cls, todo: dict[str, Any]) -> "Todo":
        """Read one of an answer."""
        place = Place.LIVE if todo["deleted_at"] is None else Place.TRASH
        names = ("id", "title", "description", "completed", "priority", "version")
        return cls(**{name: todo[name] for name in names}, place=place)

    @property
    def marks(self) -> list[str]:
        """The marks of a shared todo, the latest last."""
        return self.description.split()


@dataclass(slots=True)
class Ledger:
    """The todos of one user, with all that was acknowledged."""

    tally: Tally
    name: str
    todos: dict[str, Todo] = field(default_factory=dict)
    numbers: int = 0
    """How many changes were acknowledged; the feed numbers each, so it is also the number of the latest one."""
    chains: dict[str, dict[int, str]] = field(default_factory=dict)
    """For each shared todo the marks by the versions that they made."""

    def write(self, what: str, after: Todo) -> None:
        """Note an acknowledged write of a todo that only one device writes."""
        self.tally.acknowledge(what)
        self.todos[after.id] = after
        self.numbers += 1

    def link(self, todo_id: str, version: int, mark: str) -> None:
        """Note an acknowledged write of a shared todo."""
        self.tally.acknowledge("shared")
        self.numbers += 1
        if (other := self.chains[todo_id].setdefault(version, mark)) != mark:
            self.tally.fault(f"{self.name}: version {version} of {todo_id} is acknowledged to {other} and to {mark}")

    def share(self, todo: Todo) -> None:
        """Note a new todo that all devices of the user write."""
        self.write("create", todo)
        self.chains[todo.id] = {1: todo.description}

    def expected(self) -> dict[str, Todo]:
        """Return all todos as they must be at the end, also those that are gone."""
        return self.todos | {todo_id: self._at_its_end(todo_id) for todo_id in self.chains}

    def there(self) -> dict[str, Todo]:
        """Return those of them that are still there, live or in the trash."""
        return {todo_id: todo for todo_id, todo in self.expected().items() if todo.place is not Place.GONE}

    def gaps(self) -> dict[str, list[int]]:
        """Return the versions of shared todos that nobody is known to have made."""
        missing = {i: sorted(set(range(1, max(chain))) - set(chain)) for i, chain in self.chains.items()}
        return {todo_id: versions for todo_id, versions in missing.items() if versions}

    def _at_its_end(self, todo_id: str) -> Todo:
        chain = self.chains[todo_id]
        marks = [chain[version] for version in sorted(chain)][-MARKS:]
        return replace(self.todos[todo_id], description=" ".join(marks), version=max(chain))
