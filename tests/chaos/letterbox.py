"""The mail server of the storm: it keeps every letter's id and subject, however many come."""

from collections import Counter
from email import message_from_bytes, policy
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Letterbox:
    """Takes mail on 127.0.0.1, in a thread of its own; a context manager that stops it."""

    def __init__(self, port: int) -> None:
        self.url = f"smtp://127.0.0.1:{port}"
        self.letters: Counter[tuple[str, str]] = Counter()
        """How often each came, by the event's id, which its Message-ID begins with, and by its subject."""
        self._controller = Controller(self, hostname="127.0.0.1", port=port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a letter; aiosmtpd calls it."""
        content = envelope.content
        assert isinstance(content, bytes)
        letter = message_from_bytes(content, policy=policy.default)
        self.letters[str(letter["Message-ID"]).strip("<>").partition("@")[0], str(letter["Subject"])] += 1
        return "250 OK"
