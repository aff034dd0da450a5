"""One caught mail, and its JSON as Mailpit gives it (https://mailpit.axllent.org/docs/api-v1/)."""

import threading
import uuid
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses

KEPT = 500
SNIPPET_CHARACTERS = 250

Address = dict[str, str]

_FIELDS = {"To": "To", "Cc": "Cc", "ReplyTo": "Reply-To"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail as it came: its fields, its text, and its bytes."""

    id: str
    message_id: str
    sender: Address
    addressees: dict[str, list[Address]]
    """By field: To, Cc, ReplyTo, and Bcc for those whom only the envelope named."""
    return_path: str
    subject: str
    created: datetime
    text: str
    html: str
    raw: bytes

    def summary(self) -> dict[str, object]:
        """The letter as an entry of a list."""
        return {
            "ID": self.id,
            "MessageID": self.message_id,
            "Read": False,
            "From": self.sender,
            **self.addressees,
            "Subject": self.subject,
            "Created": self.created.isoformat(),
            "Username": "",
            "Tags": [],
            "Size": len(self.raw),
            "Attachments": 0,
            "Snippet": " ".join(self.text.split())[:SNIPPET_CHARACTERS],
        }

    def detail(self) -> dict[str, object]:
        """The letter alone, with its text."""
        fields = {name: value for name, value in self.summary().items() if name not in {"Created", "Read", "Snippet"}}
        return fields | {
            "ReturnPath": self.return_path,
            "Date": self.created.isoformat(),
            "Text": self.text,
            "HTML": self.html,
            "Inline": [],
            "Attachments": [],
        }


class Mailbox:
    """The last letters, newest first. Safe to use from several threads."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque(maxlen=KEPT)
        self._lock = threading.Lock()

    def add(self, letter: Letter) -> None:
        """Keep a letter; the oldest one goes when there are too many."""
        with self._lock:
            self._letters.appendleft(letter)

    def all(self) -> list[Letter]:
        """Return all letters, newest first."""
        with self._lock:
            return list(self._letters)

    def remove(self, ids: Iterable[str]) -> None:
        """Throw away the letters with these ids, all of them when none is named."""
        doomed = set(ids)
        with self._lock:
            kept = [letter for letter in self._letters if doomed and letter.id not in doomed]
            self._letters.clear()
            self._letters.extend(kept)


def read_letter(raw: bytes, sender: str, recipients: list[str], created: datetime) -> Letter:
    """Read a mail with its envelope. Whatever is wrong with it, it is kept: a catcher is for looking at mistakes."""
    message = message_from_bytes(raw, policy=policy.default)
    named = {field: _addresses(message, header) for field, header in _FIELDS.items()}
    visible = {address["Address"].lower() for address in named["To"] + named["Cc"]}
    named["Bcc"] = [{"Name": "", "Address": hidden} for hidden in recipients if hidden.lower() not in visible]
    return Letter(
        id=uuid.uuid4().hex,
        message_id=_header(message, "Message-ID").strip("<>"),
        sender=next(iter(_addresses(message, "From")), {"Name": "", "Address": sender}),
        addressees=named,
        return_path=sender,
        subject=_header(message, "Subject"),
        created=created,
        text=_body(message, "plain"),
        html=_body(message, "html"),
        raw=raw,
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message.get(name, ""))
    except (ValueError, IndexError, AttributeError):  # What the standard library's parser raises on odd headers.
        return ""


def _addresses(message: EmailMessage, name: str) -> list[Address]:
    pairs = getaddresses([_header(message, name)])
    return [{"Name": shown, "Address": address} for shown, address in pairs if address]


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, ValueError):  # An unknown character set, or bytes that are not in it.
        return repr(part.get_payload())
