"""What an operator can ask of the worker's image: `python -m todo_service.worker <command>`."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from shared.database import Sessions
from shared.outbox.commands import add_dead_commands
from todo_service.changes.epochs import begin_new_epochs
from todo_service.changes.purge import AccountPurge
from todo_service.changes.turns import Announce
from todo_service.notifications.models import Outbox

__all__ = ["Command", "Tools", "read_command"]


@dataclass(frozen=True, slots=True)
class Tools:
    """What the commands work with."""

    sessions: Sessions
    purge: AccountPurge
    announce: Announce


Command: TypeAlias = Callable[[Tools], Awaitable[None]]
"""Does one thing and says on stdout what it did. Raises what `transaction` raises."""


async def purge_user(user_id: str, tools: Tools) -> None:
    """Delete all that one user has."""
    _say(f"purged {user_id}: {await tools.purge.purge(user_id)} rows")


async def new_epoch(tools: Tools) -> None:
    """Let every client begin anew."""
    _say(f"new epochs: {await begin_new_epochs(tools.sessions, tools.announce)}")


def read_command(words: list[str]) -> Command:
    """Return what the words of a command line ask for; exits with status 2 and the usage when they make no sense."""
    parser = argparse.ArgumentParser(prog="python -m todo_service.worker", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    dead = commands.add_parser("dead", help="mails that were given up")
    add_dead_commands(dead, Outbox, lambda command: lambda tools: command(tools.sessions))
    purge = commands.add_parser("purge-user", help="delete all that a user has, for good")
    purge.add_argument("user_id", metavar="user-id", type=_user_id)
    purge.set_defaults(command=lambda given: partial(purge_user, given.user_id))
    epoch = commands.add_parser("new-epoch", help="after restoring a backup: let every client start over")
    epoch.set_defaults(command=lambda _: new_epoch)
    given = parser.parse_args(words)
    command: Command = given.command(given)
    return command


def _user_id(text: str) -> str:
    if not 1 <= len(text) <= 255:
        msg = "must have 1 to 255 characters"
        raise argparse.ArgumentTypeError(msg)
    return text


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
