"""What the feed of changes refuses, beyond the problems that every service knows."""

from shared.problems import Problem

__all__ = ["SyncReset"]


class SyncReset(Problem):
    """The changes since this token are not known any more. Drop the copy, keep unsent writes, begin without `since`."""

    status, code, title = 410, "sync_reset", "Begin anew"
