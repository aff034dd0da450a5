"""What the worker does every hour, one after the other."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

import structlog

from auth_service.accounts import sweep_registrations
from auth_service.audit import sweep_audit
from auth_service.one_time import sweep_one_time_tokens
from auth_service.outbox import Outbox
from auth_service.sessions import sweep_refresh_tokens, sweep_sessions
from shared.database import Sessions
from shared.outbox import sweep
from shared.sweeping import Swept

__all__ = ["SWEEPS", "sweep_all"]

Sweep: TypeAlias = Callable[[Sessions], Awaitable[int]]
"""Removes what is old, in transactions of its own, and returns how many rows; raises what `transaction` raises."""


async def sweep_outbox(sessions: Sessions) -> int:
    """Delete what was told or given up long ago."""
    return await sweep(sessions, Outbox)


SWEEPS: tuple[Sweep, ...] = (
    sweep_outbox,
    sweep_registrations,
    sweep_one_time_tokens,
    sweep_refresh_tokens,
    sweep_sessions,
    sweep_audit,
)
"""Whatever has rows that end adds its sweep here."""


async def sweep_all(sessions: Sessions, swept: Swept) -> None:
    """Run every sweep, counted in `swept`. One that fails ends this round, and is logged by the loop."""
    for one in SWEEPS:
        name = one.__name__.removeprefix("sweep_")
        if removed := await swept.counted(name, partial(one, sessions))():
            structlog.get_logger().info("swept", sweep=name, rows=removed)
