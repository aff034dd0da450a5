"""Settings of the worker, apart from the API's, which needs nothing that speaks SMTP."""

from pydantic import Field

from auth_service.settings import OwnSecrets
from shared.mail.settings import MailSettings
from shared.settings import DatabaseSettings, Origin, RedisSettings

__all__ = ["WorkerSettings"]


class WorkerSettings(DatabaseSettings, RedisSettings, MailSettings, OwnSecrets):
    """What the worker reads from its environment."""

    app_url: Origin
    """The frontend, for the links in mails."""
    key_rotation_days: int = Field(default=90, ge=1, le=3650)
    """After so many days of signing a key gets a successor."""
