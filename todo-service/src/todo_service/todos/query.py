"""Which todos a list shows, in which order, and which page of them: the query parameters of the lists.

A page that is asked for again and again is parsed once: the latest query strings are remembered.
"""

from functools import cached_property, lru_cache
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.bodies import Text
from todo_service.parameters import DIGITS, Switch, read_parameters
from todo_service.todos.paging import Filters, Paging
from todo_service.todos.search import fold

__all__ = ["Deletion", "TodoQuery", "TrashQuery", "read_query", "read_trash_query"]

SORT_KEYS = ("created_at", "updated_at", "completed_at", "priority", "title")
SORT_PATTERN = f"^-?({'|'.join(SORT_KEYS)})(,-?({'|'.join(SORT_KEYS)}))?$"
MAX_SORT_KEYS, MAX_WORDS, MAX_SEARCH_CHARACTERS = 2, 10, 200
MAX_REMEMBERED_BYTES = 512


def _sort(value: str) -> str:
    keys = value.split(",")
    names = [key.removeprefix("-") for key in keys]
    if len(keys) > MAX_SORT_KEYS or len(set(names)) < len(names) or not set(names) <= set(SORT_KEYS):
        msg = f"must be one or two different keys of {', '.join(SORT_KEYS)}, each with - in front to descend"
        raise ValueError(msg)
    return value


def _few_words(value: str) -> str:
    trimmed = value.strip()
    if len(trimmed) > MAX_SEARCH_CHARACTERS or len(fold(trimmed).split()) > MAX_WORDS:
        msg = f"must be {MAX_SEARCH_CHARACTERS} characters and {MAX_WORDS} words at most"
        raise ValueError(msg)
    return trimmed


Level = Annotated[int, Field(ge=1, le=5), DIGITS]


class TodoQuery(Paging):
    """The parameters of `GET /todos`."""

    path: ClassVar[str] = "/todos"

    completed: Switch | None = Field(default=None, description="Only completed todos, or only open ones.")
    priority: list[Level] = Field(default=[], description="Only this priority; repeat it for any of several.")
    priority_gte: Level | None = Field(default=None, description="Only priorities from this one up.")
    priority_lte: Level | None = Field(default=None, description="Only priorities up to this one.")
    search: Annotated[Text, AfterValidator(_few_words)] = Field(
        default="",
        description="Words that must all occur in title or description, in any order, also as parts of words. "
        "Case and accents do not matter. At most 10 words in 200 characters.",
        json_schema_extra={"maxLength": MAX_SEARCH_CHARACTERS},
    )
    sort: Annotated[str, AfterValidator(_sort)] = Field(
        default="-created_at",
        description="One or two of `created_at`, `updated_at`, `completed_at`, `priority`, `title`, with a comma "
        "between; `-` in front descends. Todos without `completed_at` come last either way.",
        examples=["-priority,created_at"],
        json_schema_extra={"pattern": SORT_PATTERN},
    )

    @property
    def order(self) -> str:
        """What `sort` says."""
        return self.sort

    @cached_property
    def filters(self) -> Filters:
        """What passes all filters at once."""
        return Filters(
            completed=self.completed,
            priorities=tuple(sorted(set(self.priority))),
            priority_gte=self.priority_gte,
            priority_lte=self.priority_lte,
            words=tuple(sorted(set(fold(self.search).split()))),
        )


class TrashQuery(Paging):
    """The parameters of `GET /trash`."""

    path: ClassVar[str] = "/trash"
    of_trash: ClassVar[bool] = True

    @property
    def order(self) -> str:
        """The latest to be deleted first."""
        return "-deleted_at"


class Deletion(BaseModel):
    """The parameters of `DELETE /todos/{id}`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    permanent: Switch = Field(
        default=False, description="Do not move it to the trash, and if it is there, take it out: it is gone for good."
    )


def read_query(raw: bytes) -> TodoQuery:
    """Return what the query string `raw` asks for. Raises `Unprocessable` and the problems of cursors."""
    return _remembered(raw) if len(raw) <= MAX_REMEMBERED_BYTES else _parse(raw)


def read_trash_query(raw: bytes) -> TrashQuery:
    """Do the same for the trash, which is not looked at often enough to remember."""
    query = read_parameters(TrashQuery, raw)
    _ = query.after
    return query


def _parse(raw: bytes) -> TodoQuery:
    query = read_parameters(TodoQuery, raw, repeatable={"priority"})
    _ = query.after
    return query


_remembered = lru_cache(maxsize=1024)(_parse)
