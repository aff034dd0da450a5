"""Ids made in the application, so that a statement never depends on a volatile database function."""

import secrets
import time
from uuid import UUID

__all__ = ["uuid7"]


def uuid7() -> UUID:
    """Return a UUIDv7: 48 bits of Unix time in milliseconds, then 74 random bits (RFC 9562 section 5.7)."""
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    return UUID(
        int=(milliseconds & ((1 << 48) - 1)) << 80
        | 0x7 << 76
        | (random >> 62) << 64
        | 0b10 << 62
        | random & ((1 << 62) - 1)
    )
