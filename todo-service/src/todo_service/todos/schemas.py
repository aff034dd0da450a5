"""What clients send and see. `TodoPublic` is also the shape that `rendering` gives lists."""

import unicodedata
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    StrictBool,
    StrictInt,
)

from shared.bodies import Narrow, Text

__all__ = ["EXAMPLE", "READ_ONLY", "Emptied", "OwnId", "TodoCreate", "TodoPatch", "TodoPublic", "rfc3339"]

READ_ONLY = ("id", "user_id", "completed_at", "created_at", "updated_at", "deleted_at")
"""Fields that a patch may repeat, because clients echo whole objects, and may not change."""

EXAMPLE: dict[str, JsonValue] = {
    "id": "019ab1c2-7d3e-7b5a-9c40-5f0d8a3b6e21",
    "user_id": "019ab1c0-11aa-7c3d-8e52-2b9f6d0c4a17",
    "title": "Buy milk",
    "description": "Two litres, and something for the cat",
    "completed": False,
    "priority": 3,
    "completed_at": None,
    "created_at": "2026-11-22T10:00:00.000Z",
    "updated_at": "2026-11-22T10:00:00.000Z",
    "version": 1,
    "deleted_at": None,
}

HANGUL_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
NIL_AND_MAX = frozenset({UUID(int=0), UUID(int=(1 << 128) - 1)})


def rfc3339(time: datetime) -> str:
    """Return `time` as every answer shows it: in UTC, to the millisecond, `2026-11-22T10:00:00.000Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trimmed(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _at_most(characters: int) -> AfterValidator:
    """Refuse longer text in words that fit text; pydantic, behind our own validators, would speak of items."""

    def within(text: str) -> str:
        if len(text) > characters:
            msg = f"must have at most {characters} characters"
            raise ValueError(msg)
        return text

    return AfterValidator(within)


def _visible(title: str) -> str:
    if all(character in HANGUL_FILLERS or unicodedata.category(character)[0] in "ZC" for character in title):
        msg = "must not be blank"
        raise ValueError(msg)
    return title


def _usable_id(value: UUID) -> UUID:
    if value in NIL_AND_MAX:
        msg = "must not be the nil or the max UUID"
        raise ValueError(msg)
    return value


Title = Annotated[
    Text,
    Field(
        description="White space around it is removed; it must not be blank.",
        json_schema_extra={"minLength": 1, "maxLength": 200},
    ),
    _at_most(200),
    AfterValidator(_visible),
    BeforeValidator(_trimmed),
]
Description = Annotated[
    Text,
    Field(description='Kept as it was sent; `""` is not `null`.', json_schema_extra={"maxLength": 1000}),
    _at_most(1000),
]
Priority = Annotated[StrictInt, Field(ge=1, le=5, description="From 1 to 5, where **5 is the most urgent**.")]
OwnId = Annotated[UUID, AfterValidator(_usable_id)]
Time = Annotated[datetime, PlainSerializer(rfc3339, when_used="json")]


class TodoCreate(Narrow):
    """A new todo. Whose it is, the access token says."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Buy milk"}, {"title": "Call grandma", "priority": 5}]},
    )

    id: OwnId | None = Field(
        default=None,
        description="A UUID of your own: a repeated request then answers 409 with the todo, and makes no second one.",
    )
    title: Title
    description: Description | None = None
    completed: StrictBool = False
    priority: Priority = 3


class TodoPatch(Narrow):
    """Changes to a todo. What is absent stays as it is; `null` clears the description.

    Fields that are read-only may be repeated with the value that they have. A `version` that the todo does not have is
    refused as `If-Match` is.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"completed": True}, {"title": "Buy oat milk", "description": None}]},
    )

    # The defaults are never used, `exclude_unset` leaves them out. They only make the fields optional, not nullable.
    title: Title = Field(default=None)  # type: ignore[assignment]
    description: Description | None = None
    completed: StrictBool = Field(default=None)  # type: ignore[assignment]
    priority: Priority = Field(default=None)  # type: ignore[assignment]
    id: UUID = Field(default=None, json_schema_extra={"readOnly": True})  # type: ignore[assignment]
    user_id: Text = Field(default=None, json_schema_extra={"readOnly": True})  # type: ignore[assignment]
    completed_at: datetime | None = Field(default=None, json_schema_extra={"readOnly": True})
    created_at: datetime = Field(default=None, json_schema_extra={"readOnly": True})  # type: ignore[assignment]
    updated_at: datetime = Field(default=None, json_schema_extra={"readOnly": True})  # type: ignore[assignment]
    version: StrictInt = Field(default=None, description="Which version this was made for.")  # type: ignore[assignment]
    deleted_at: datetime | None = Field(default=None, json_schema_extra={"readOnly": True})


class TodoPublic(BaseModel):
    """A todo as its owner sees it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    user_id: str
    title: str
    description: str | None
    completed: bool
    priority: int = Field(description="From 1 to 5, where **5 is the most urgent**.")
    completed_at: Time | None = Field(description="When it was completed; null while it is not.")
    created_at: Time
    updated_at: Time = Field(description="When a field last got another value.")
    version: int = Field(
        description="One more with each change: its `ETag` is this number in quotes. It begins at 1, or above all that "
        "were before when the id was that of a todo which is gone for good."
    )
    deleted_at: Time | None = Field(description="When it was moved to the trash; null outside.")


class Emptied(BaseModel):
    """How much of the trash went."""

    removed: int
    remaining: int = Field(description="What is left: call again when it is not 0.")
