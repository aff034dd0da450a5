"""For which version of a todo a write was made: `If-Match` (RFC 9110 section 13.1.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from shared.entity_tags import TAGS
from todo_service.todos.errors import InvalidIfMatch

__all__ = ["IfMatch", "etag"]


def etag(version: int) -> str:
    """Return the entity tag of a todo of this version. It is strong: each version has one representation."""
    return f'"{version}"'


@dataclass(frozen=True, slots=True)
class IfMatch:
    """Which version a write was made for. Without a tag, for any."""

    tag: str | None = None

    @classmethod
    def read(cls, fields: Sequence[str]) -> Self:
        """Read the values of all `If-Match` fields of a request.

        A write is made for one version, so a list of tags matches none, and neither does a weak tag (RFC 9110 section
        8.8.3.2). `*` is any todo that is there. Raises `InvalidIfMatch` for what is no tag at all.
        """
        value = ", ".join(fields).strip(" \t")
        if not fields or value == "*":
            return cls()
        if not TAGS.fullmatch(value):
            raise InvalidIfMatch
        return cls(value)

    def admits(self, version: int) -> bool:
        """Whether a todo of this version may be written."""
        return self.tag is None or self.tag == etag(version)
