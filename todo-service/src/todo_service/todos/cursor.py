"""Where the next page of a list begins: an opaque text that clients hand back.

It is not signed, because it can only page the list of whoever sends it: the owner comes from the access token.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from shared.bodies import storable
from todo_service.todos.errors import CursorMismatch, InvalidCursor
from todo_service.todos.schemas import rfc3339
from todo_service.todos.search import TITLE_KEY_CHARACTERS

__all__ = ["Cursor", "KeyValue"]

VERSION = 1
MAX_CHARACTERS = 2048
BASE64URL = re.compile(r"[A-Za-z0-9_-]+")

KeyValue: TypeAlias = datetime | int | str | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last todo of a page: its sort keys and its id."""

    keys: tuple[KeyValue, ...]
    id: UUID

    def encode(self, sort: str, filters: str) -> str:
        """Return the text for clients; it holds only for this `sort` and this hash of `filters`."""
        keys = [rfc3339(key) if isinstance(key, datetime) else key for key in self.keys]
        content = {"v": VERSION, "s": sort, "k": keys, "i": str(self.id), "f": filters}
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str, sort: str, filters: str) -> "Cursor":
        """Read what `encode` returned. Raises `InvalidCursor`, or `CursorMismatch` when it belongs to another list."""
        content = _parse(text)
        try:
            version, made_for, of = content["v"], content["s"], content["f"]
            if version != VERSION or not isinstance(made_for, str) or not isinstance(of, str):
                raise InvalidCursor
            if (made_for, of) != (sort, filters):
                raise CursorMismatch
            names, values = [name.removeprefix("-") for name in sort.split(",")], content["k"]
            if not isinstance(values, list):
                raise InvalidCursor
            keys = tuple(_key(name, value) for name, value in zip(names, values, strict=True))
            return cls(keys, UUID(str(content["i"])))
        except (KeyError, ValueError) as error:
            raise InvalidCursor from error


def _parse(text: str) -> dict[str, object]:
    if len(text) > MAX_CHARACTERS or not BASE64URL.fullmatch(text):
        raise InvalidCursor
    try:
        content = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidCursor from error
    if not isinstance(content, dict):
        raise InvalidCursor
    return content


def _key(name: str, value: object) -> KeyValue:
    """Return the value of a sort key; raise ValueError for one that no todo has."""
    if name == "completed_at" and value is None:
        return None
    if name == "priority" and type(value) is int and 1 <= value <= 5:
        return value
    if name == "title" and isinstance(value, str) and len(value) <= TITLE_KEY_CHARACTERS:
        return storable(value)
    if name.endswith("_at") and isinstance(value, str):
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    msg = f"{name} has no such value"
    raise ValueError(msg)
