"""The worker: `python -m auth_service.worker` tells what happened to accounts, mails it, moves keys, and tidies up.

With a command it does one thing and ends; `--help` shows them.
"""

import argparse
import asyncio
import sys
from datetime import timedelta
from functools import partial

import structlog

from auth_service.accounts.deletion import purge_accounts
from auth_service.derivation import Purpose, derived_keys
from auth_service.keys import Seal, move_keys
from auth_service.letters import LetterWriter
from auth_service.mail import Texts
from auth_service.one_time import OneTimeTokens
from auth_service.outbox import BROADCASTS, MAIL, Outbox
from auth_service.sweeps import sweep_all
from auth_service.tables import SCHEMA
from auth_service.worker_settings import WorkerSettings
from shared.database import WORKER, Database, Sessions
from shared.drain import Drain
from shared.health import Health, Heartbeats
from shared.lifespan import Loop, repeat, run_until_stopped
from shared.logging import configure_logging
from shared.mail.postman import Postman
from shared.metrics import Metrics
from shared.outbox import OutboxRows, Relay
from shared.outbox.commands import DeadCommand, add_dead_commands
from shared.redis import RedisClient
from shared.settings import load
from shared.streams import Group, consume
from shared.sweeping import Swept

__all__ = ["main"]

PROCESS = "auth-worker"
MAILS = Group(MAIL, "mailer")
HOUR_SECONDS = 3600.0
KEYS_SECONDS = 30.0
PURGE_SECONDS = 5.0


async def work(settings: WorkerSettings) -> None:
    """Relay, mail, move keys and sweep until SIGTERM or SIGINT, then finish what is in hand."""
    beats, drain = Heartbeats(), Drain()
    async with (
        Database.open(settings.database_url.get_secret_value(), PROCESS, WORKER, schema=SCHEMA) as database,
        RedisClient.open(settings.redis_url.get_secret_value()) as redis,
    ):
        rows, postman, swept = OutboxRows(database.sessions, Outbox), _postman(settings, database.sessions), Swept()
        metrics = Metrics(database, redis, rows, postman, swept, look_first=(rows.look,))
        checks = drain.check, database.check, beats.check
        relay = Relay(database.sessions, redis, Outbox, BROADCASTS)
        parts = {"postgres": database.snapshot, "redis": redis.snapshot, "outbox": rows.snapshot}
        async with Health.serve(settings.admin_address, settings.admin_port, *checks, metrics=metrics, parts=parts):
            structlog.get_logger().info("worker_started")
            await run_until_stopped(
                drain.begin,
                relay=lambda stop: relay.run(stop, partial(beats.beat, "relay")),
                mails=_mails(settings, postman, beats),
                **_repeated(settings, database.sessions, swept, beats),
            )
            structlog.get_logger().info("worker_stopped")


def _mails(settings: WorkerSettings, postman: Postman, beats: Heartbeats) -> Loop:
    url, beat = settings.redis_url.get_secret_value(), partial(beats.beat, "mails")
    return lambda stop: consume(url, MAILS, postman.handle, stop=stop, beat=beat)


def _repeated(settings: WorkerSettings, sessions: Sessions, swept: Swept, beats: Heartbeats) -> dict[str, Loop]:
    """Return what is done from time to time, by its name."""
    seal, beat = Seal(derived_keys(settings, Purpose.KEY_ENCRYPTION)), beats.beat
    keys = partial(move_keys, sessions, seal, timedelta(days=settings.key_rotation_days))
    sweep, purge = partial(sweep_all, sessions, swept), partial(_purge, sessions)
    return {
        "keys": lambda stop: repeat(keys, KEYS_SECONDS, stop=stop, beat=partial(beat, "keys")),
        "sweep": lambda stop: repeat(sweep, HOUR_SECONDS, stop=stop, beat=partial(beat, "sweep")),
        "purge": lambda stop: repeat(purge, PURGE_SECONDS, stop=stop, beat=partial(beat, "purge")),
    }


async def _purge(sessions: Sessions) -> None:
    if purged := await purge_accounts(sessions):
        structlog.get_logger().info("purged", accounts=purged)


def _postman(settings: WorkerSettings, sessions: Sessions) -> Postman:
    letters = LetterWriter(Texts(settings.app_url), OneTimeTokens(derived_keys(settings, Purpose.ONE_TIME)))
    return Postman(sessions, Outbox, settings.mailer(), letters.write)


async def do(command: DeadCommand, settings: WorkerSettings) -> None:
    """Do one thing."""
    async with Database.open(settings.database_url.get_secret_value(), PROCESS, WORKER) as database:
        await command(database.sessions)


def read_command(words: list[str]) -> DeadCommand:
    """Return what the words of a command line ask for; exits with status 2 and the usage when they make no sense."""
    parser = argparse.ArgumentParser(prog="python -m auth_service.worker", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    dead = commands.add_parser("dead", help="mails that were given up")
    add_dead_commands(dead, Outbox, lambda command: command)
    given = parser.parse_args(words)
    command: DeadCommand = given.command(given)
    return command


def main() -> None:
    """Run the worker, or one command, with the settings of the environment; exits with status 2 when they are wrong."""
    words = sys.argv[1:]
    asked = read_command(words) if words else None
    settings = load(WorkerSettings, PROCESS)
    configure_logging(PROCESS, settings.log_level, settings.log_format)
    asyncio.run(work(settings) if asked is None else do(asked, settings))


if __name__ == "__main__":
    main()
