"""Which todos a list shows, in which order, and which page of them: the query parameters of `GET /todos`.

A page that is asked for again and again is parsed once: `read_query` remembers the latest query strings.
"""

import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Annotated, Literal, Self
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from shared.bodies import Text
from todo_service.parameters import Switch, Whole, read_parameters
from todo_service.todos.cursor import Cursor
from todo_service.todos.errors import SkipAndCursor
from todo_service.todos.search import fold

__all__ = ["TodoQuery", "read_query"]

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


Level = Annotated[Whole, Field(ge=1, le=5)]


class TodoQuery(BaseModel):
    """The parameters of a list. Whatever is unknown, repeated or out of range is refused, never ignored or cut."""

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    limit: Annotated[Whole, Field(ge=1, le=200)] = Field(default=100, description="How many todos at most.")
    skip: Annotated[Whole, Field(ge=0, le=10_000)] = Field(
        default=0, description="How many to leave out at the beginning. To walk through a long list, use `cursor`."
    )
    cursor: str | None = Field(
        default=None,
        description="`X-Next-Cursor` of the page before, with the same filters and the same `sort`.",
        json_schema_extra={"maxLength": 2048},
    )
    count: Literal["none", "exact"] = Field(
        default="none", description="`exact` counts all matching todos into `X-Total-Count`."
    )

    @model_validator(mode="after")
    def _one_beginning(self) -> Self:
        if self.cursor is not None and "skip" in self.model_fields_set:
            raise SkipAndCursor
        return self

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The folded words of the search, each once."""
        return tuple(sorted(set(fold(self.search).split())))

    @cached_property
    def priorities(self) -> tuple[int, ...]:
        """The priorities that are asked for, each once; none means any."""
        return tuple(sorted(set(self.priority)))

    @cached_property
    def after(self) -> Cursor | None:
        """The last todo of the page before. Raises `InvalidCursor` or `CursorMismatch`."""
        return None if self.cursor is None else Cursor.decode(self.cursor, self.sort, self._filters_hash)

    @cached_property
    def digest(self) -> bytes:
        """What tells this page from every other page of the same user, in any spelling of the query."""
        return _digest([self._filters_hash, self.sort, self.limit, self.skip, self.cursor, self.count])[:16]

    def cursor_after(self, last: Cursor) -> str:
        """Return the cursor of the page that begins after `last`."""
        return last.encode(self.sort, self._filters_hash)

    def link_to(self, cursor: str) -> str:
        """Return the `Link` to the page at `cursor` (RFC 8288): relative, so that it resolves behind any gateway."""
        return f'</todos?{self._query_without_beginning}cursor={cursor}>; rel="next"'

    @cached_property
    def _filters_hash(self) -> str:
        filters = [self.completed, self.priorities, self.priority_gte, self.priority_lte, self.words]
        return _digest(filters).hex()[:16]

    @cached_property
    def _query_without_beginning(self) -> str:
        given = self.model_dump(mode="json", exclude_unset=True, exclude={"skip", "cursor"})
        if "completed" in given:
            given["completed"] = "true" if self.completed else "false"
        return urlencode(given, doseq=True) + "&" if given else ""


def _digest(content: Sequence[object]) -> bytes:
    return sha256(json.dumps(content).encode()).digest()


def read_query(raw: bytes) -> TodoQuery:
    """Return what the query string `raw` asks for. Raises `Unprocessable` and the problems of cursors."""
    return _remembered(raw) if len(raw) <= MAX_REMEMBERED_BYTES else _parse(raw)


def _parse(raw: bytes) -> TodoQuery:
    query = read_parameters(TodoQuery, raw, repeatable={"priority"})
    _ = query.after
    return query


_remembered = lru_cache(maxsize=1024)(_parse)
