"""Settings of the worker."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shared.settings import DatabaseSettings, RedisSettings
from todo_service.notifications.mail import Sender, SmtpServer

__all__ = ["WorkerSettings"]


def _usable(url: SecretStr) -> SecretStr:
    SmtpServer.parse(url.get_secret_value())
    return url


def _mailable(sender: str) -> str:
    Sender.parse(sender)
    return sender


class WorkerSettings(DatabaseSettings, RedisSettings):
    """What the worker reads from its environment."""

    # Secret, because it can hold a password: `smtp+starttls://user:password@host:587`.
    smtp_url: Annotated[SecretStr, AfterValidator(_usable)]
    mail_from: Annotated[str, AfterValidator(_mailable)]
    # Mails to one user within an hour; 0 means no limit.
    notify_max_per_hour: int = Field(default=60, ge=0)
    # How long the answer to a request with an `Idempotency-Key` is kept, to be given again when it is repeated.
    idempotency_hours: int = Field(default=24, ge=1)
    # How long what is deleted stays in the trash, and how long clients can hear that something is gone for good.
    trash_days: int = Field(default=30, ge=1)
    tombstone_days: int = Field(default=90, ge=1)
