"""Whether the database can be used: it answers, and its schema is not older than the code."""

import asyncio
import time

import structlog
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["Probe"]

EVERY_SECONDS = 1.0
ANSWER_SECONDS = 1.0
UNDEFINED_TABLE = "42P01"


class Probe:
    """Asks the database whether it can be used."""

    def __init__(self, engine: AsyncEngine, schema: str | None) -> None:
        """`schema` is the newest migration that the code knows; None asks for no schema.

        Names of migrations sort as they follow each other. A database that is ahead of the code is good: a migration
        works with the release before it.
        """
        self._engine = engine
        self._schema = schema
        self._asking: asyncio.Task[str | None] | None = None
        self._asked_at = float("-inf")
        self._said: str | None = None

    async def check(self) -> str | None:
        """Say why the database cannot be used, or None. Asked once a second at most; everybody hears that answer."""
        if self._asking is None or (self._asking.done() and time.monotonic() - self._asked_at > EVERY_SECONDS):
            self._asking, self._asked_at = asyncio.create_task(self._ask()), time.monotonic()
        return await asyncio.shield(self._asking)

    async def _ask(self) -> str | None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reason = await self._reason()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            reason = f"database: {type(error).__name__}"
        self._log(reason)
        return reason

    async def _reason(self) -> str | None:
        async with self._engine.connect() as connection:
            if self._schema is None:
                await connection.exec_driver_sql("SELECT 1")
                return None
            try:
                versions = await connection.exec_driver_sql("SELECT version_num FROM alembic_version")
            except ProgrammingError as error:
                if getattr(error.orig, "sqlstate", None) != UNDEFINED_TABLE:
                    raise
                found = ""
            else:
                found = max(versions.scalars(), default="")
        if found >= self._schema:
            return None
        return f"schema: the database is at {found or 'nothing'}, the code needs {self._schema}; run the migrations"

    def _log(self, reason: str | None) -> None:
        """Write a line when the answer has changed."""
        if reason is not None and reason != self._said:
            structlog.get_logger().warning("database_unusable", reason=reason)
        elif reason is None and self._said is not None:
            structlog.get_logger().info("database_usable")
        self._said = reason
