"""Faults in what a client sent, told in words and by their place."""

import json
from collections.abc import Sequence

from shared.problems import Unprocessable

__all__ = ["validation_problem"]

SHOWN_FAULTS = 3
NAMED_FAULTS = 20
"""How many faults of a body are named. A body can have tens of thousands, whose answer would be ten times its size."""


def validation_problem(errors: Sequence[dict[str, object]]) -> Unprocessable:
    """Return a 422 that names the wrong fields, the first 20, and repeats no value: a wrong one may be a password."""
    entries = [
        {"loc": _printable(error["loc"]), "type": error["type"], "msg": _printable(_plain(error["msg"]))}
        for error in errors[:NAMED_FAULTS]
    ]
    more = f"; and {len(errors) - SHOWN_FAULTS} more" if len(errors) > SHOWN_FAULTS else ""
    return Unprocessable("; ".join(map(_in_words, entries[:SHOWN_FAULTS])) + more, errors=entries)


def _plain(message: object) -> object:
    """Return what a validator of ours said, without pydantic's words around it."""
    return message.removeprefix("Value error, ") if isinstance(message, str) else message


def _printable(value: object) -> object:
    """Return `value` as JSON that any client can decode: a lone surrogate of the request is replaced."""
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()
    return json.loads(text)


def _in_words(entry: dict[str, object]) -> str:
    loc = entry["loc"]
    place = (
        ".".join(str(part) for part in loc if part not in {"body", "query", "path"}) if isinstance(loc, list) else ""
    )
    return f"{place or 'request'}: {entry['msg']}"
