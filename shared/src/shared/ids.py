"""Ids made in the application, so that a statement never depends on a volatile database function."""

import secrets
import time
from uuid import UUID

__all__ = ["uuid7"]


def uuid7() -> UUID:
    """Return a UUIDv7: 48 bits of Unix time in milliseconds, 12 of the fraction of one, 62 random bits.

    Of two that a process makes, the later one is the greater one, unless its clock was set back between them (RFC 9562
    sections 5.7 and 6.2, method 3).
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    return UUID(
        int=(milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    )
