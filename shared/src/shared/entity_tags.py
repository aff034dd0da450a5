"""Entity tags, by which a client asks only for what it does not have (RFC 9110 sections 8.8.3 and 13.1.2)."""

import re
from collections.abc import Sequence

__all__ = ["TAGS", "is_known"]

TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
TAGS = re.compile(rf"[ \t]*(?:{TAG.pattern})(?:[ \t]*,[ \t]*(?:{TAG.pattern}))*[ \t]*")
"""One tag or more, with commas."""


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
