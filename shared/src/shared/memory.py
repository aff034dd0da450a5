"""What a process keeps of the machine's memory without using it."""

import ctypes

__all__ = ["give_back"]


def give_back() -> None:
    """Return to the system what starting has left free in between (malloc_trim(3)), a tenth of all in a worker.

    Loading code takes and frees many pieces; glibc keeps the holes between those that stay. Elsewhere nothing happens.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
