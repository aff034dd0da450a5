"""Settings of the API."""

from typing import Literal

from shared.settings import DatabaseSettings, RedisSettings
from shared.tokens import TokenSettings

__all__ = ["TodoSettings"]


class TodoSettings(DatabaseSettings, RedisSettings, TokenSettings):
    """What the API process reads from its environment."""

    # Off stops reading and filling the cache. Clearing goes on: other replicas may still read.
    todo_cache: Literal["on", "off"] = "on"
    notify_todo_created: Literal["on", "off"] = "on"
