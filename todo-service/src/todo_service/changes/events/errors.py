"""What the routes of live events refuse."""

from shared.problems import Problem

__all__ = ["TooManyStreams"]


class TooManyStreams(Problem):
    """You have as many streams open as one user may, or this server has. Close one, or try again later."""

    status, code, title = 429, "too_many_streams", "Too many streams"

    def __init__(self) -> None:
        """Say when a closed one is sure to be noticed: after the next two pings."""
        super().__init__(headers={"Retry-After": "30"})
