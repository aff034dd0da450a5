"""The query parameters of `GET /changes`."""

from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.validation import validation_problem
from todo_service.changes.feed.sync_token import MAX_CHARACTERS, SyncToken
from todo_service.parameters import DIGITS, Switch

__all__ = ["FeedQuery"]


class FeedQuery(BaseModel):
    """Where to go on, and how far."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: str | None = Field(
        default=None,
        description="`next` of the answer before. Without it you get everything that there is, page by page.",
        json_schema_extra={"maxLength": MAX_CHARACTERS},
    )
    limit: Annotated[int, Field(ge=1, le=1000), DIGITS] = Field(default=500, description="How many changes at most.")
    include_trash: Switch = Field(
        default=False,
        description="Show what is in the trash too, with its `deleted_at`; otherwise it is a `delete`. "
        "Said once, without `since`: the token keeps it.",
    )

    @model_validator(mode="after")
    def _trash_is_for_beginnings(self) -> Self:
        if self.since is not None and "include_trash" in self.model_fields_set:
            place, msg = ["query", "include_trash"], "cannot be given with since: the token keeps it"
            raise validation_problem([{"loc": place, "type": "with_since", "msg": msg}])
        return self

    @cached_property
    def position(self) -> SyncToken:
        """The place from which to go on. Raises `InvalidCursor`."""
        return SyncToken(shows_trash=self.include_trash) if self.since is None else SyncToken.decode(self.since)
