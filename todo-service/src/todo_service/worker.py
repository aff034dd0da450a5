"""The worker: `python -m todo_service.worker` announces what happened to todos, and mails it."""

import asyncio
from functools import partial

import structlog

from shared.database import WORKER, Database
from shared.health import Health, Heartbeats
from shared.lifespan import run_until_stopped
from shared.logging import configure_logging
from shared.outbox import Relay, sweep_hourly
from shared.redis import RedisClient
from shared.settings import load
from shared.streams import Group, consume
from todo_service.notifications.events import STREAM
from todo_service.notifications.mail import Mailer, Sender, SmtpServer
from todo_service.notifications.models import Outbox
from todo_service.notifications.service import Notifier
from todo_service.notifications.settings import WorkerSettings

__all__ = ["main"]

PROCESS = "todo-worker"
MAILS = Group(STREAM, "notifications")


async def work(settings: WorkerSettings) -> None:
    """Relay, mail and sweep until SIGTERM or SIGINT, then finish what is in hand."""
    database_url, redis_url = settings.database_url.get_secret_value(), settings.redis_url.get_secret_value()
    beats = Heartbeats()
    async with (
        Database.open(database_url, PROCESS, WORKER) as database,
        RedisClient.open(redis_url) as redis,
        Health.serve(settings.admin_address, settings.admin_port, database.check, beats.check),
    ):
        relay = Relay(database.sessions, redis, Outbox)
        notifier = Notifier(database.sessions, _mailer(settings), settings.notify_max_per_hour)
        structlog.get_logger().info("worker_started")
        await run_until_stopped(
            relay=lambda stop: relay.run(stop, partial(beats.beat, "relay")),
            mails=lambda stop: consume(redis_url, MAILS, notifier.handle, stop=stop, beat=partial(beats.beat, "mails")),
            sweep=lambda stop: sweep_hourly(database.sessions, Outbox, stop=stop, beat=partial(beats.beat, "sweep")),
        )
        structlog.get_logger().info("worker_stopped")


def _mailer(settings: WorkerSettings) -> Mailer:
    return Mailer(SmtpServer.parse(settings.smtp_url.get_secret_value()), Sender.parse(settings.mail_from))


def main() -> None:
    """Run the worker with the settings of the environment; exits with status 2 when they are wrong."""
    settings = load(WorkerSettings, PROCESS)
    configure_logging(PROCESS, settings.log_level, settings.log_format)
    asyncio.run(work(settings))


if __name__ == "__main__":
    main()
