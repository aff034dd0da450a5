"""A real SMTP server that does as a test tells it."""

import asyncio
import threading
from collections import deque
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class PostOffice:
    """Takes mail on 127.0.0.1, in a thread of its own; a context manager that stops it.

    `answers` are the replies to the next mails, "250 OK" when there is none. While it `stalls`, RCPT gets no reply.
    """

    def __init__(self, port, **features):
        self.port = port
        self.url = f"smtp://127.0.0.1:{port}"
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.answers: deque[str] = deque()
        self.stalls = False
        self.reached = threading.Event()
        self.most_at_once = 0
        self._at_once = 0
        self._features = features

    def __enter__(self):
        login = {"authenticator": self.authenticate, "auth_require_tls": False}
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **login, **self._features)
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802  # aiosmtpd's name
        """Note that somebody came, and let them wait if that is wanted."""
        self.reached.set()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        while self.stalls:
            await asyncio.sleep(0.01)
        self._at_once -= 1
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802  # aiosmtpd's name
        """Take the mail, or give the answer that was laid out for it."""
        answer = self.answers.popleft() if self.answers else "250 OK"
        if answer.startswith("250"):
            self.recipients += envelope.rcpt_tos
            self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return answer

    def authenticate(self, server, session, envelope, mechanism, login):
        """Let in who says that the password is "right"."""
        self.logins.append((login.login, login.password))
        return AuthResult(success=login.password == b"right", handled=False)

    def subjects(self):
        """The subjects of what was taken, in order."""
        return [str(letter["Subject"]) for letter in self.letters]
