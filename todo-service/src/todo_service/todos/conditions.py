"""Conditions on a request: `If-Match` and `If-None-Match` (RFC 9110 sections 13.1.1 and 13.1.2)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from todo_service.todos.errors import InvalidIfMatch

__all__ = ["IfMatch", "etag", "is_known"]

TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
TAGS = re.compile(rf"[ \t]*(?:{TAG.pattern})(?:[ \t]*,[ \t]*(?:{TAG.pattern}))*[ \t]*")


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


def is_known(fields: Sequence[str], tag: str) -> bool:
    """Whether one of the `If-None-Match` fields names `tag`: then the client has the answer already.

    Weak tags are as good here (RFC 9110 section 8.8.3.2). What is no list of tags is no condition.
    """
    if not fields:
        return False
    value = ", ".join(fields).strip(" \t")
    if not TAGS.fullmatch(value):
        return value == "*"
    opaque = tag.removeprefix("W/")
    return any(known.removeprefix("W/") == opaque for known in TAG.findall(value))
