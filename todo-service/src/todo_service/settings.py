"""Settings of the API."""

from typing import Literal

from pydantic import Field

from shared.settings import DatabaseSettings, RedisSettings
from shared.tokens.settings import TokenSettings

__all__ = ["TodoSettings"]


class TodoSettings(DatabaseSettings, RedisSettings, TokenSettings):
    """What the API process reads from its environment."""

    # Off stops reading and filling the cache. Clearing goes on: other replicas may still read.
    todo_cache: Literal["on", "off"] = "on"
    notify_todo_created: Literal["on", "off"] = "on"
    # How many todos a user may have outside the trash, and with it.
    max_todos: int = Field(default=50_000, ge=1)
    max_rows: int = Field(default=100_000, ge=1)
    # Streams of events that may be open at once: of one user, and in one process.
    sse_per_user: int = Field(default=5, ge=1)
    sse_per_process: int = Field(default=2000, ge=1)
