"""The header field `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header section 2)."""

import re
from collections.abc import Sequence

from todo_service.changes.idempotency.errors import InvalidIdempotencyKey

__all__ = ["read_key"]

KEY = re.compile(r'("?)([!#-~]{1,255})\1')
"""The draft's key is a string in quotes (RFC 8941 section 3.3.3); most clients send it bare. Both are the same key."""


def read_key(fields: Sequence[str]) -> str | None:
    """Return the key in the values of all `Idempotency-Key` fields of a request, None when it has no such field.

    Raises `InvalidIdempotencyKey`, also for two fields: they do not say which one is meant.
    """
    if not fields:
        return None
    key = KEY.fullmatch(fields[0].strip(" \t"))
    if key is None or len(fields) > 1:
        raise InvalidIdempotencyKey
    return key[2]
