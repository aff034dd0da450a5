"""Where mail is handed over, and who writes."""

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from shared.mail.smtp import Mailer, Sender, SmtpServer
from shared.settings import ServiceSettings

__all__ = ["MailSettings"]


def _usable(url: SecretStr) -> SecretStr:
    SmtpServer.parse(url.get_secret_value())
    return url


def _mailable(sender: str) -> str:
    Sender.parse(sender)
    return sender


class MailSettings(ServiceSettings):
    """What a worker that mails reads from its environment."""

    # Secret, because it can hold a password: `smtp+starttls://user:password@host:587`.
    smtp_url: Annotated[SecretStr, AfterValidator(_usable)]
    mail_from: Annotated[str, AfterValidator(_mailable)]

    def mailer(self) -> Mailer:
        """Return what sends as these settings say."""
        return Mailer(SmtpServer.parse(self.smtp_url.get_secret_value()), Sender.parse(self.mail_from))
