"""What the counter refuses."""

from shared.problems import Unprocessable

__all__ = ["QuotaExceeded"]


class QuotaExceeded(Unprocessable):
    """There is no room for more: `limit` says how many you may have, `current` how many there are."""

    code, title = "quota_exceeded", "Quota exceeded"
