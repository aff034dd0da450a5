"""How far a client has followed the changes: an opaque text that it hands back as `since`.

It is not signed, because it can only move its sender about in a feed of their own. A sum over its content finds what
got lost or was edited on the way: a wrong number would pass over changes without a word.
"""

import binascii
import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from todo_service.todos.errors import InvalidCursor

__all__ = ["SyncToken"]

VERSION = 1
MAX_CHARACTERS = 256
SUM_BYTES = 4
LARGEST = 2**63 - 1
BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class SyncToken:
    """A place in one user's feed."""

    epoch: UUID | None = None
    """Whose numbers these are, and of which line. None when the user had written nothing yet."""
    seq: int = 0
    """The client has seen all changes up to this number."""
    head: int = 0
    """The latest change when the client's first walk began. It holds no object that was deleted before."""
    shows_trash: bool = False

    @property
    def is_beginning(self) -> bool:
        """Whether its client has seen nothing yet: then any feed may follow, because there is no copy to be wrong."""
        return self.seq == 0 and self.head == 0

    def encode(self) -> str:
        """Return the text for clients."""
        epoch = None if self.epoch is None else str(self.epoch)
        content = {"v": VERSION, "e": epoch, "s": self.seq, "h": self.head, "t": self.shows_trash}
        packed = json.dumps(content, separators=(",", ":")).encode()
        return urlsafe_b64encode(packed + _sum(packed)).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> "SyncToken":
        """Read what `encode` returned; raises `InvalidCursor` for everything else."""
        content = _parse(text)
        try:
            epoch = None if content["e"] is None else UUID(str(content["e"]))
            token = cls(epoch, _number(content["s"]), _number(content["h"]), content["t"] is True)
        except (KeyError, ValueError) as error:
            raise InvalidCursor from error
        # There is one spelling only: another version, an own order or bits that mean nothing are not ours.
        if token.encode() != text:
            raise InvalidCursor
        return token


def _parse(text: str) -> dict[str, object]:
    if len(text) > MAX_CHARACTERS or not BASE64URL.fullmatch(text):
        raise InvalidCursor
    try:
        whole = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        packed = whole[:-SUM_BYTES]
        content = json.loads(packed) if _sum(packed) == whole[-SUM_BYTES:] else None
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidCursor from error
    if not isinstance(content, dict):
        raise InvalidCursor
    return content


def _number(value: object) -> int:
    if type(value) is int and 0 <= value <= LARGEST:
        return value
    msg = "no number of a change"
    raise ValueError(msg)


def _sum(packed: bytes) -> bytes:
    return sha256(packed).digest()[:SUM_BYTES]
