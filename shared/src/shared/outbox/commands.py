"""What an operator of any worker can ask about events that were given up: `dead list`, `dead requeue`."""

import argparse
import sys
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import TypeAlias
from uuid import UUID

from shared.database import Sessions
from shared.outbox.dead import list_dead, requeue_dead
from shared.outbox.table import OutboxColumns

__all__ = ["DeadCommand", "add_dead_commands"]

DeadCommand: TypeAlias = Callable[[Sessions], Awaitable[None]]
"""Does one thing and says on stdout what it did. Raises what `transaction` raises."""


def add_dead_commands(
    parser: argparse.ArgumentParser, table: type[OutboxColumns], adapt: Callable[[DeadCommand], object]
) -> None:
    """Let `parser` read `list` and `requeue`.

    What it has read has a `command`, which, called with it, returns what `adapt` makes of the `DeadCommand`.
    """
    dead = parser.add_subparsers(required=True, metavar="action")
    dead.add_parser("list", help="show them").set_defaults(command=lambda _: adapt(partial(_show, table)))
    again = dead.add_parser("requeue", help="try them again, or only those named")
    again.add_argument("only", nargs="*", type=UUID, metavar="event-id")
    again.set_defaults(command=lambda given: adapt(partial(_revive, table, given.only)))


async def _show(table: type[OutboxColumns], sessions: Sessions) -> None:
    """Print a line for each event that was given up. No line holds an address or a text."""
    for dead in await list_dead(sessions, table):
        when = dead.done_at.isoformat(timespec="seconds")
        _say(f"{dead.event_id}  {when}  {dead.type}  user={dead.user_id}  attempts={dead.attempts}  {dead.last_error}")


async def _revive(table: type[OutboxColumns], only: Collection[UUID], sessions: Sessions) -> None:
    _say(f"requeued {await requeue_dead(sessions, table, only)}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
