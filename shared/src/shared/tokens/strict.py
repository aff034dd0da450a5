"""Reading base64url and JSON so that each meaning has one spelling.

python-jose, and the `json` and `base64` modules below it, take junk between base64 characters, the last of repeated
members, and `NaN`: two readers of one token could then see two tokens (RFC 8725 sections 2.4 and 3.10).
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from json import JSONDecoder
from typing import NoReturn

__all__ = ["decode_part", "parse_object", "token_parts"]

MAX_HEADER_CHARACTERS = 1024

_SHAPE = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


def token_parts(token: str) -> tuple[bytes, bytes, bytes]:
    """Return header, payload and signature of a compact JWS (RFC 7515 section 7.1), or raise ValueError."""
    shape = _SHAPE.fullmatch(token)
    if shape is None or len(shape[1]) > MAX_HEADER_CHARACTERS:
        raise ValueError("not three parts of base64url, or a header too long")
    return decode_part(shape[1]), decode_part(shape[2]), decode_part(shape[3])


def decode_part(part: str) -> bytes:
    """Decode base64url without padding; raise ValueError when another text stands for the same bytes."""
    raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise ValueError("not the one spelling of these bytes")
    return raw


def parse_object(text: bytes) -> dict[str, object]:
    """Parse a JSON object in UTF-8, or raise ValueError; nothing in it repeats a member or is NaN or Infinity.

    Raises RecursionError for one nested beyond what the interpreter can follow.
    """
    document: object = _DECODER.decode(text.decode("utf-8"))
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def _unique(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member is repeated")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
