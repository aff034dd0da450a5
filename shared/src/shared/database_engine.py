"""Connections to PostgreSQL: how many, and for how long one may hold anything up."""

import time
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection

from shared.metrics import Histogram

__all__ = ["API", "POOL_SECONDS", "WORKER", "Profile", "TimedPool", "connect"]

POOL_SECONDS = 1.0
"""How long a request waits for a connection."""

CONNECT_SECONDS = 2.0
COMMAND_SECONDS = 4.0
"""Longer than the server's own limits on a statement and a lock, shorter than the gateway waits for an answer."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How a kind of process uses PostgreSQL: how many connections, and how long it may hold the server up."""

    pool_size: int
    max_overflow: int
    server_settings: dict[str, str]


API = Profile(
    pool_size=15,
    max_overflow=0,
    server_settings={
        "transaction_timeout": "5s",
        "statement_timeout": "3s",
        "lock_timeout": "2s",
        "idle_in_transaction_session_timeout": "5s",
        "jit": "off",
    },
)
WORKER = Profile(pool_size=5, max_overflow=0, server_settings={"transaction_timeout": "60s", "jit": "off"})


class TimedPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool, which also notes for how long each connection is waited for."""

    # Its lines stay under SQLAlchemy's logger, which writes warnings alone.
    _sqla_logger_namespace = "sqlalchemy.pool.TimedPool"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.waits = Histogram("db_pool_wait_seconds", "How long connections to PostgreSQL were waited for.")

    def connect(self) -> PoolProxiedConnection:
        """Return a connection, as the engine asks for it."""
        asked = time.perf_counter()
        try:
            return super().connect()
        finally:
            self.waits.observe(time.perf_counter() - asked)


def connect(url: str, process: str, profile: Profile) -> AsyncEngine:
    """Return an engine for the database at `url` (`postgresql://…`). It connects when it is first used."""
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        poolclass=TimedPool,
        pool_size=profile.pool_size,
        max_overflow=profile.max_overflow,
        pool_timeout=POOL_SECONDS,
        pool_recycle=1800,
        pool_use_lifo=True,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": COMMAND_SECONDS if profile is API else None,
            "server_settings": {**profile.server_settings, "application_name": process},
        },
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_dead(connection: DBAPIConnection, _: ConnectionPoolEntry, __: PoolProxiedConnection) -> None:
        # A look at local state, where `pool_pre_ping` would cost three round trips at every checkout.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "handle_error")
    def give_up_silent(context: ExceptionContext) -> None:
        # Rolling back on a connection that does not answer would take as long again; the server does it by itself.
        if isinstance(context.original_exception, TimeoutError) and context.connection is not None:
            driver: asyncpg.Connection = context.connection.connection.driver_connection
            driver.terminate()

    return engine
