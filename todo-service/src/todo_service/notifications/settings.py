"""Settings of the worker."""

from pydantic import Field

from shared.mail.settings import MailSettings
from shared.settings import DatabaseSettings, RedisSettings

__all__ = ["WorkerSettings"]


class WorkerSettings(DatabaseSettings, RedisSettings, MailSettings):
    """What the worker reads from its environment."""

    # Mails to one user within an hour; 0 means no limit.
    notify_max_per_hour: int = Field(default=60, ge=0)
    # How long the answer to a request with an `Idempotency-Key` is kept, to be given again when it is repeated.
    idempotency_hours: int = Field(default=24, ge=1)
    # How long what is deleted stays in the trash, and how long clients can hear that something is gone for good.
    trash_days: int = Field(default=30, ge=1)
    tombstone_days: int = Field(default=90, ge=1)
