"""The mail catcher: takes every mail by SMTP, delivers none, and shows them as JSON in Mailpit's shape and as a page.

`python -m devstack.mail --smtp-port 2525 --port 8025` runs it; tests use `MailCatcher` in their own process.
"""

import argparse
import signal
import threading
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from devstack.letters import Mailbox, read_letter
from devstack.mail_api import MailApi

LARGEST_BYTES = 10_000_000


class _Receiver:
    """What aiosmtpd calls for each mail."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        self._mailbox.add(read_letter(raw, envelope.mail_from or "", envelope.rcpt_tos, datetime.now(UTC)))
        return "250 OK"


class MailCatcher:
    """Both servers in threads of their own, on 127.0.0.1. A context manager that stops them."""

    def __init__(self, smtp_port: int, port: int) -> None:
        """Listen for SMTP and for HTTP on these ports. Raises `OSError` when one is taken."""
        self.mailbox = Mailbox()
        self.smtp_url = f"smtp://127.0.0.1:{smtp_port}"
        self.url = f"http://127.0.0.1:{port}"
        self._api = MailApi(("127.0.0.1", port), self.mailbox)
        self._smtp = Controller(
            _Receiver(self.mailbox),
            hostname="127.0.0.1",
            port=smtp_port,
            enable_SMTPUTF8=True,
            data_size_limit=LARGEST_BYTES,
            ident="devstack mail catcher",
        )
        self._thread = threading.Thread(target=self._api.serve_forever, args=(0.05,), name="mail-api")

    def __enter__(self) -> Self:
        try:
            self._smtp.start()
        except OSError:
            self._api.server_close()
            raise
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._api.shutdown()
        self._thread.join()
        self._api.server_close()
        self._smtp.stop()


def main() -> None:
    """Catch mails until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="devstack.mail", description="Catches mails and shows them.")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    ending = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the threads start, so that they inherit it and the signal waits for `sigwait`.
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with MailCatcher(arguments.smtp_port, arguments.port):
        signal.sigwait(ending)


if __name__ == "__main__":
    main()
