"""The worker: `python -m todo_service.worker` announces what happened to todos, mails it, and tidies up.

With a command it does one thing and ends; `--help` shows them.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from shared.database import WORKER, Database
from shared.drain import Drain
from shared.health import Health, Heartbeats
from shared.lifespan import Loop, repeat, run_until_stopped
from shared.logging import configure_logging
from shared.metrics import Metrics
from shared.outbox import OutboxRows, Relay, sweep
from shared.redis import RedisClient
from shared.settings import load
from shared.streams import Group, consume
from shared.sweeping import Swept
from todo_service.changes.announcing import Announcer
from todo_service.changes.purge import AccountPurge, DeletedAccounts, owned_tables, sweep_expired
from todo_service.changes.turns import Quota, Writers
from todo_service.commands import Command, Tools, read_command
from todo_service.notifications.events import STREAM
from todo_service.notifications.models import Outbox
from todo_service.notifications.service import Notifier
from todo_service.notifications.settings import WorkerSettings
from todo_service.sweeps import sweep_tombstones, sweep_trash
from todo_service.tables import SCHEMA
from todo_service.todos.cache import PageCache
from todo_service.todos.models import Todo

__all__ = ["main"]

PROCESS = "todo-worker"
MAILS = Group(STREAM, "notifications")
HOUR_SECONDS = 3600.0

# Importing a model is what puts its table among those that a purge empties.
assert Outbox.metadata is Todo.metadata


@dataclass(frozen=True, slots=True)
class Parts:
    """What the worker's loops and commands share."""

    database: Database
    redis: RedisClient
    announcer: Announcer
    purge: AccountPurge


@asynccontextmanager
async def parts(settings: WorkerSettings) -> AsyncIterator[Parts]:
    """Give the parts, connected as the settings say."""
    async with (
        Database.open(settings.database_url.get_secret_value(), PROCESS, WORKER, schema=SCHEMA) as database,
        RedisClient.open(settings.redis_url.get_secret_value()) as redis,
    ):
        # The worker clears pages, and reads none.
        announcer = Announcer(redis, PageCache(redis, reads=False).clear)
        purge = AccountPurge(database.sessions, owned_tables(), announcer.write_ended)
        yield Parts(database, redis, announcer, purge)


async def work(settings: WorkerSettings) -> None:
    """Relay, mail, purge and sweep until SIGTERM or SIGINT, then finish what is in hand."""
    redis_url, drain = settings.redis_url.get_secret_value(), Drain()
    async with parts(settings) as its:
        sessions, beats, swept = its.database.sessions, Heartbeats(), Swept()
        relay, rows = Relay(sessions, its.redis, Outbox), OutboxRows(sessions, Outbox)
        notifier = Notifier(sessions, settings.mailer(), settings.notify_max_per_hour)
        deleted = DeletedAccounts(sessions, its.purge)
        beat = beats.beat
        metrics = Metrics(its.database, its.redis, rows, notifier, swept, look_first=(rows.look,))
        checks = drain.check, its.database.check, beats.check
        known = {"postgres": its.database.snapshot, "redis": its.redis.snapshot, "outbox": rows.snapshot}
        async with Health.serve(settings.admin_address, settings.admin_port, *checks, metrics=metrics, parts=known):
            structlog.get_logger().info("worker_started")
            await run_until_stopped(
                drain.begin,
                relay=lambda stop: relay.run(stop, partial(beat, "relay")),
                mails=lambda stop: consume(redis_url, MAILS, notifier.handle, stop=stop, beat=partial(beat, "mails")),
                accounts=lambda stop: deleted.run(redis_url, stop, partial(beat, "accounts")),
                **{
                    name: _hourly(swept.counted(name, work), name, beats)
                    for name, work in _sweeps(settings, its).items()
                },
            )
            structlog.get_logger().info("worker_stopped")


def _sweeps(settings: WorkerSettings, its: Parts) -> dict[str, Callable[[], Awaitable[int]]]:
    """Return what is removed every hour, by its name."""
    sessions, writers = its.database.sessions, Writers(its.announcer.write_ended, Quota())
    return {
        "outbox": partial(sweep, sessions, Outbox),
        "trash": partial(sweep_trash, sessions, writers, timedelta(days=settings.trash_days)),
        "tombstones": partial(sweep_tombstones, sessions, writers, timedelta(days=settings.tombstone_days)),
        "expired": partial(sweep_expired, sessions, timedelta(hours=settings.idempotency_hours)),
    }


def _hourly(work: Callable[[], Awaitable[int]], name: str, beats: Heartbeats) -> Loop:
    return lambda stop: repeat(work, HOUR_SECONDS, stop=stop, beat=partial(beats.beat, name))


async def do(command: Command, settings: WorkerSettings) -> None:
    """Do one thing."""
    async with parts(settings) as its:
        await command(Tools(its.database.sessions, its.purge, its.announcer.write_ended))


def main() -> None:
    """Run the worker, or one command, with the settings of the environment; exits with status 2 when they are wrong."""
    words = sys.argv[1:]
    asked = read_command(words) if words else None
    settings = load(WorkerSettings, PROCESS)
    configure_logging(PROCESS, settings.log_level, settings.log_format)
    asyncio.run(work(settings) if asked is None else do(asked, settings))


if __name__ == "__main__":
    main()
