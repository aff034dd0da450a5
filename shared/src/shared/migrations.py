"""Alembic's env.py, written once: one migrator at a time, and none that holds a table's lock for long."""

import asyncio
import os
from collections.abc import Callable

import structlog
from alembic import context
from sqlalchemy import Connection, MetaData, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

__all__ = ["migrate"]

ADVISORY_LOCK = 0x746F_646F
"""Any number that every migrator of this database agrees on."""

LOCK_TIMEOUT, TRIES = "3s", 5
LOCK_NOT_AVAILABLE = "55P03"


def migrate(metadata: MetaData) -> None:
    """Run the command that Alembic was asked for, against MIGRATION_DATABASE_URL, else DATABASE_URL.

    A session advisory lock lets one migrator work while others wait. A statement waits three seconds at most for a
    table's lock, so that a migration never queues the service's requests behind it; then it is tried again, five times.
    """
    url = os.environ.get("MIGRATION_DATABASE_URL") or os.environ.get("DATABASE_URL")
    if not url:
        raise SystemExit("DATABASE_URL: is missing")
    asyncio.run(_in_turn(url, lambda connection: _run(connection, metadata)))


async def _in_turn(url: str, run: Callable[[Connection], None]) -> None:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        await connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        await connection.commit()
        for left in reversed(range(TRIES)):
            try:
                await connection.run_sync(run)
                break
            except DBAPIError as error:
                await connection.rollback()
                if left == 0 or getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                    raise
                structlog.get_logger().warning("migration_waits_for_a_lock", tries_left=left)
    # The advisory lock goes with the connection, also when this process is killed.
    await engine.dispose()


def _run(connection: Connection, metadata: MetaData) -> None:
    context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
