"""Mails, and the SMTP server that takes them."""

import asyncio
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.header import Header
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr, getaddresses, parseaddr
from typing import Self
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
from aiosmtplib import SMTPException, SMTPRecipientsRefused, SMTPResponseException

from shared.mail.addresses import is_address

__all__ = ["Letter", "MailPostponed", "MailRefused", "Mailer", "Sender", "SmtpServer"]

SEND_SECONDS, QUIT_SECONDS = 30.0, 1.0
PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
BODY_POLICY = policy.compat32.clone(linesep="\r\n")
UNFIT_FOR_A_HEADER = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")


class MailRefused(Exception):
    """The server will never take this mail."""


class MailPostponed(Exception):
    """The server could not be reached, or asks to try again later."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed over: `smtp://` plain, `smtps://` inside TLS, `smtp+starttls://` with TLS or not at all."""

    scheme: str
    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `scheme://user:password@host:port`, of which user, password and port may be missing, or ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("must look like smtp://host:port, smtps://… or smtp+starttls://user:password@…")
        username, password = (part and unquote(part) for part in (parts.username, parts.password))
        return cls(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], username, password)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes: `Todo <todo@example.com>`."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address, with or without a name, or raise ValueError."""
        name, address = parseaddr(text)
        if len(getaddresses([text])) != 1 or not is_address(address) or not address.isascii():
            raise ValueError("must be one address, like todo@example.com or Todo <todo@example.com>")
        return cls(name, address)

    @property
    def domain(self) -> str:
        """What stands behind the `@`."""
        return self.address.partition("@")[2]


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of plain text. Two letters with the same `id` are the same mail."""

    id: UUID
    to: str = field(repr=False)
    subject: str
    text: str

    def written(self, sender: Sender, now: datetime) -> bytes:
        """Return the letter as SMTP takes it (RFC 5322). What would break its subject's line becomes one space."""
        subject = UNFIT_FOR_A_HEADER.sub(" ", self.subject).strip()
        is_plain = subject.isascii() and "=?" not in subject
        # Not by EmailMessage: when its policies fold, they add spaces between encoded words.
        folded = Header(subject, "us-ascii" if is_plain else "utf-8", header_name="Subject").encode(linesep="\r\n")
        fields = {
            # As it is: an address outside ASCII goes as UTF-8 (RFC 6532 section 3.2) and is never encoded.
            "To": self.to,
            "From": formataddr((sender.name, sender.address)),
            "Subject": folded,
            "Date": format_datetime(now),
            "Message-ID": f"<{self.id}@{sender.domain}>",
            "Auto-Submitted": "auto-generated",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return head.encode() + MIMEText(self.text, "plain", "utf-8").as_bytes(policy=BODY_POLICY)


class Mailer:
    """Hands letters of one sender to one SMTP server, a connection each."""

    def __init__(self, server: SmtpServer, sender: Sender) -> None:
        self._server = server
        self._sender = sender
        # Made once: reading the machine's certificates takes longer than a mail.
        self._tls = None if server.scheme == "smtp" else ssl.create_default_context()

    async def send(self, letter: Letter) -> None:
        """Return when the server has taken the letter; within 30 seconds, else raise `MailPostponed`.

        Raises `MailRefused` when the server answers the letter with a 5xx (RFC 5321 section 4.2.1). A failure to
        connect or to log in is our fault and not the letter's: whatever its code, it raises `MailPostponed`.
        """
        client, is_in = self._client(), False
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await client.connect()
                is_in = True
                await self._hand_over(client, letter)
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            reason = _reason(error)
            if is_in and _is_final(error):
                raise MailRefused(reason) from error
            raise MailPostponed(reason) from error
        finally:
            await _leave(client)

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.scheme == "smtps",
            start_tls=server.scheme == "smtp+starttls",
            tls_context=self._tls,
            # By itself the client asks DNS for this machine's name, which can take longer than the mail.
            local_hostname=self._sender.domain,
            timeout=SEND_SECONDS,
        )

    async def _hand_over(self, client: aiosmtplib.SMTP, letter: Letter) -> None:
        written = letter.written(self._sender, datetime.now(UTC))
        options = [] if letter.to.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        await client.sendmail(self._sender.address, [letter.to], written, mail_options=options)


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye. Nothing that goes wrong here changes what became of the letter."""
    with suppress(SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(QUIT_SECONDS):
            await client.quit()
    client.close()


def _code(error: Exception) -> int | None:
    if isinstance(error, SMTPRecipientsRefused):
        return error.recipients[0].code
    return error.code if isinstance(error, SMTPResponseException) else None


def _is_final(error: Exception) -> bool:
    # No retry mends an address that cannot stand in an SMTP command, or needs SMTPUTF8 of a server without it.
    return isinstance(error, ValueError | aiosmtplib.SMTPNotSupported) or (_code(error) or 0) >= 500


def _reason(error: Exception) -> str:
    """Name the fault, without the server's words: they can repeat the address."""
    code = _code(error)
    return type(error).__name__ if code is None else f"{type(error).__name__} {code}"
