"""What those hear who try too often."""

from typing import ClassVar

from shared.problems import Problem

__all__ = ["RateLimited"]


class RateLimited(Problem):
    """There were too many attempts. Try again after `Retry-After` seconds."""

    status: ClassVar[int] = 429
    code, title = "rate_limited", "Too many attempts"

    def __init__(self, seconds: int) -> None:
        """Say after how many seconds the next attempt is let in."""
        super().__init__(headers={"Retry-After": str(seconds)})
