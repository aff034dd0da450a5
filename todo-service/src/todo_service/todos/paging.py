"""A page of any list of todos: the parameters that all lists share, and what tells one page from another."""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cached_property
from hashlib import sha256
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator

from todo_service.parameters import DIGITS
from todo_service.todos.cursor import Cursor
from todo_service.todos.errors import SkipAndCursor

__all__ = ["Filters", "Paging"]

RENDERING = 2
"""Raise it when todos are rendered in another way: what caches and browsers keep is then another page."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which todos a list shows. The defaults let all of them pass."""

    completed: bool | None = None
    priorities: tuple[int, ...] = ()
    priority_gte: int | None = None
    priority_lte: int | None = None
    words: tuple[str, ...] = ()
    """Folded; each must occur."""


class Paging(BaseModel):
    """The parameters of every list. Whatever is unknown, repeated or out of range is refused, never ignored or cut."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: ClassVar[str]
    of_trash: ClassVar[bool] = False

    limit: Annotated[int, Field(ge=1, le=200), DIGITS] = Field(default=100, description="How many todos at most.")
    skip: Annotated[int, Field(ge=0, le=10_000), DIGITS] = Field(
        default=0, description="How many to leave out at the beginning. To walk through a long list, use `cursor`."
    )
    cursor: str | None = Field(
        default=None,
        description="`X-Next-Cursor` of the page before, with the same filters and the same order.",
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

    @property
    def order(self) -> str:
        """The keys that the list is sorted by."""
        raise NotImplementedError

    @cached_property
    def filters(self) -> Filters:
        """Which todos the list shows."""
        return Filters()

    @cached_property
    def after(self) -> Cursor | None:
        """The last todo of the page before. Raises `InvalidCursor` or `CursorMismatch`."""
        return None if self.cursor is None else Cursor.decode(self.cursor, self.order, self._filters_hash)

    @cached_property
    def digest(self) -> bytes:
        """What tells this page from every other page of the same user, in any spelling of the query."""
        page = [RENDERING, self._filters_hash, self.order, self.limit, self.skip, self.cursor, self.count]
        return _digest(page)[:16]

    def etag(self, state: str) -> str:
        """Return the entity tag of this page when the user's data are at `state`: weak, for it says which, not what."""
        return f'W/"{state}-{self._name}"'

    def cursor_after(self, last: Cursor) -> str:
        """Return the cursor of the page that begins after `last`."""
        return last.encode(self.order, self._filters_hash)

    def link_to(self, cursor: str) -> str:
        """Return the `Link` to the page at `cursor` (RFC 8288): relative, so that it resolves behind any gateway."""
        return f'<{self.path}?{self._query_without_beginning}cursor={cursor}>; rel="next"'

    @cached_property
    def _name(self) -> str:
        return self.digest.hex()[:8]

    @cached_property
    def _filters_hash(self) -> str:
        return _digest(astuple(self.filters)).hex()[:16]

    @cached_property
    def _query_without_beginning(self) -> str:
        given = self.model_dump(mode="json", exclude_unset=True, exclude={"skip", "cursor"})
        texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in given.items()}
        return urlencode(texts, doseq=True) + "&" if texts else ""


def _digest(content: Sequence[object]) -> bytes:
    return sha256(json.dumps(content).encode()).digest()
