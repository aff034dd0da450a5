"""What an operator can ask of the signing keys: python -m auth_service.keys <command>.

Ends with status 0 when it is done; with 1, and the reason on stderr, when it is not; with 2 when the command or a
setting is wrong. It needs the settings of the auth-service: run it in a container of its image.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeAlias

from auth_service.audit import Actor
from auth_service.derivation import Purpose, derived_keys
from auth_service.keys.models import KeyState, StoredKey
from auth_service.keys.repository import KeyRepository
from auth_service.keys.rotation import KeyRotation, NoSuchKey
from auth_service.keys.sealing import Seal, SealedWithAnotherSecret
from auth_service.settings import OwnSecrets
from shared.database import WORKER, Database, Session, transaction
from shared.logging import configure_logging
from shared.problems import Problem
from shared.settings import DatabaseSettings, load

__all__ = ["KeySettings", "main", "read_command"]

PROCESS = "auth-keys"
SECRETS = ("AUTH_SECRET", "AUTH_SECRET_PREVIOUS")

Command: TypeAlias = Callable[[Session, Seal], Awaitable[str]]
"""Does one thing in one transaction, and returns what to say of it."""


class KeySettings(DatabaseSettings, OwnSecrets):
    """What the command reads from its environment."""


async def list_keys(database: Session, seal: Seal) -> str:
    """Show every key: where it stands, since or until when, and which secret opens it."""
    stored = await KeyRepository(database).all()
    return "\n".join(f"{key.kid}  {key.state:<8}  {_when(key):<37}  {_secret(key, seal)}".rstrip() for key in stored)


async def rotate(database: Session, seal: Seal) -> str:
    """Begin a rotation, unless one is under way."""
    pending = await KeyRotation(database, seal, Actor.OPERATOR).begin()
    return f"{pending.kid} is pending, and {_when(pending)}"


async def rewrap(database: Session, seal: Seal) -> str:
    """Seal with AUTH_SECRET what AUTH_SECRET_PREVIOUS sealed."""
    return f"sealed anew {await KeyRotation(database, seal, Actor.OPERATOR).rewrap()}"


async def retire(kid: str, database: Session, seal: Seal) -> str:
    """End a key at once."""
    active = await KeyRotation(database, seal, Actor.OPERATOR).retire(kid)
    return f"{kid} is retired, and {active.kid} {_when(active)}"


def read_command(words: Sequence[str]) -> Command:
    """Return what the words of a command line ask for; exits with status 2 and the usage when they make no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m auth_service.keys", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    shown = commands.add_parser("list", help="show every key")
    shown.set_defaults(command=lambda _: list_keys)
    begin = commands.add_parser("rotate", help="make the next key; it signs ten minutes later, and nobody notices")
    begin.set_defaults(command=lambda _: rotate)
    again = commands.add_parser("rewrap", help="after a change of AUTH_SECRET: seal the private keys with the new one")
    again.set_defaults(command=lambda _: rewrap)
    ending = commands.add_parser("retire", help="a key was stolen: end it, and everything that it has signed, at once")
    ending.add_argument("--now", required=True, metavar="KID", dest="kid", help="the key's id, as `list` shows it")
    ending.set_defaults(command=lambda given: partial(retire, given.kid))
    given = parser.parse_args(_with_hyphens(words))
    command: Command = given.command(given)
    return command


def _with_hyphens(words: Sequence[str]) -> list[str]:
    """Write `--now KID` as one word: an id may begin with a hyphen, which argparse would take for an option."""
    if "--now" not in words[:-1]:
        return list(words)
    at = list(words).index("--now")
    return [*words[:at], f"--now={words[at + 1]}", *words[at + 2 :]]


async def do(command: Command, settings: KeySettings) -> str:
    """Do one thing, and return what to say of it; raises what the command and `transaction` raise."""
    seal = Seal(derived_keys(settings, Purpose.KEY_ENCRYPTION))
    async with (
        Database.open(settings.database_url.get_secret_value(), PROCESS, WORKER) as database,
        transaction(database.sessions) as session,
    ):
        return await command(session, seal)


def main() -> int:
    """Do what the command line says, with the settings of the environment; return the status to end with."""
    command = read_command(sys.argv[1:])
    settings = load(KeySettings, PROCESS)
    configure_logging(PROCESS, settings.log_level, settings.log_format)
    try:
        said = asyncio.run(do(command, settings))
    except (NoSuchKey, SealedWithAnotherSecret, Problem) as refusal:
        sys.stderr.write(f"{PROCESS}: {refusal}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


def _when(key: StoredKey) -> str:
    match key.state:
        case KeyState.PENDING:
            return f"signs from {_written(key.activate_at)}"
        case KeyState.ACTIVE:
            return f"signs since {_written(key.activate_at)}"
        case KeyState.RETIRING:
            return f"verifies until {_written(key.retire_at)}"
        case _:
            return f"ended {_written(key.retire_at)}"


def _secret(key: StoredKey, seal: Seal) -> str:
    """Return which secret opens the key; nothing opens an erased one."""
    if key.private_sealed is None:
        return ""
    return dict(zip(seal.key_ids, SECRETS, strict=False)).get(key.kek_id, "sealed with neither secret")


def _written(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else "-"
