"""The service's database, and the one unit of work on it.

A request is one transaction. It commits before the response leaves, and nobody but `transaction` commits (decision
0003); what is one statement anyway may run without BEGIN and COMMIT around it (decision 0011). A failure of the
database is raised as a problem that says whether anything was changed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Self, TypeAlias

import asyncpg
import structlog
from sqlalchemy import CursorResult, Dialect, Executable, Select, UpdateBase
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.util.concurrency import greenlet_spawn
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.database_engine import API, POOL_SECONDS, WORKER, Profile, TimedPool, connect
from shared.database_faults import as_problem, means_away
from shared.database_probe import Probe
from shared.metrics import Collector, Gauge
from shared.problems import Busy, DatabaseUnavailable, OutcomeUnknown

__all__ = [
    "API",
    "NAMING_CONVENTION",
    "WORKER",
    "Database",
    "Profile",
    "Row",
    "Session",
    "Sessions",
    "transaction",
]

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Names for constraints, so that a migration can name what it drops. Each service's metadata uses it."""

READERS = 8
"""How many `Database.read` at once: waiting for a turn costs less than for the pool, which is left to writes."""

EndHook: TypeAlias = Callable[[], Awaitable[None]]

Row: TypeAlias = Mapping[str, Any]
"""A row of `Database.read`: what its columns hold, its statement knows."""


class Session(AsyncSession):
    """A session of SQLModel that also knows what to do when its transaction has ended."""

    def on_end(self, hook: EndHook) -> None:
        """Await `hook` after COMMIT, ROLLBACK or an unknown outcome, before the response leaves.

        Hooks run in the order in which they came. What one raises is logged and goes no further.
        """
        self.info.setdefault("on_end", []).append(hook)

    async def run(
        self, statement: Executable, parameters: Mapping[str, object] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement on tables, past the layers that turn rows into entities."""
        return await (await self.connection()).execute(statement, parameters)

    async def exec_alone(
        self, statement: UpdateBase, parameters: Mapping[str, object] | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run the one statement of this transaction; the server commits it as it ends, which saves two round trips.

        Raises `OutcomeUnknown` when the connection breaks before the answer, or no answer comes in time. After another
        error, the session can be used.
        """
        connection = await self.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        try:
            result = await connection.execute(statement, parameters)
        except Exception as error:
            # The driver's TimeoutError and OSError come as they are, and tell no more of what the server has done.
            if means_away(error):
                raise OutcomeUnknown from error
            raise
        self.info["committed"] = True
        return result

    @property
    def has_committed(self) -> bool:
        """Whether what this session wrote is known to be stored. For hooks of `on_end`."""
        return bool(self.info.get("committed"))

    async def run_end_hooks(self) -> None:
        """Run what `on_end` collected. `transaction` calls it."""
        for hook in self.info.pop("on_end", []):
            try:
                await hook()
            except Exception as error:  # noqa: BLE001  # the transaction is over: nothing can be refused any more
                structlog.get_logger().error("end_hook_failed", exc_info=error)


Sessions: TypeAlias = async_sessionmaker[Session]


class Database:
    """The service's own database: an engine, and sessions on it. Opening it connects to nothing yet."""

    def __init__(self, engine: AsyncEngine, schema: str | None = None) -> None:
        self.engine = engine
        self.sessions: Sessions = async_sessionmaker(engine, class_=Session, expire_on_commit=False)
        self._readers = asyncio.Semaphore(READERS)
        self._schema = schema
        self.check = Probe(engine, schema).check
        """Says why the database cannot be used, or None: a check of `shared.health`."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, process: str, profile: Profile = API, *, schema: str | None = None
    ) -> AsyncIterator[Self]:
        """Give the database at `url` (`postgresql://…`), where `process` names us in pg_stat_activity; close it after.

        Below the migration `schema` it is not ready.
        A server that is away is no error here: the first use raises `DatabaseUnavailable`, and so until it is back.
        """
        database = cls(connect(url, process, profile), schema)
        try:
            yield database
        finally:
            await database.engine.dispose()

    def snapshot(self) -> dict[str, object]:
        """Return how its connections are used, and which schema the code needs, for people."""
        pool = self._pool
        return {"connections_in_use": pool.checkedout(), "connections_kept": pool.checkedin(), "schema": self._schema}

    @property
    def metrics(self) -> Iterable[Collector]:
        """How its connections are used."""
        pool = self._pool
        return Gauge("db_pool_in_use", "Connections to PostgreSQL that are in use.", pool.checkedout), pool.waits

    @property
    def _pool(self) -> TimedPool:
        pool = self.engine.pool
        assert isinstance(pool, TimedPool)
        return pool

    async def read(self, statement: Select[*tuple[object, ...]], parameters: Mapping[str, object]) -> list[Row]:
        """Return the rows of a SELECT that needs no other statement beside it; `parameters` may name more than it does.

        Its own snapshot is all the transaction that it needs: BEGIN and COMMIT, two round trips more, are left out, and
        so are the layers that turn rows into entities. Keep and reuse `statement`: each is compiled once.
        Raises `Busy` and `DatabaseUnavailable`.
        """
        sql, names = _compiled(statement, self.engine.dialect)
        await self._take_turn()
        try:
            connection = await self.engine.raw_connection()
            driver: asyncpg.Connection = connection.driver_connection
            try:
                rows: list[Row] = await driver.fetch(sql, *[parameters[name] for name in names])
                return rows
            except TimeoutError:
                driver.terminate()
                raise
            finally:
                await greenlet_spawn(connection.close)
        except Exception as error:
            if (problem := as_problem(error)) is error:
                raise
            raise problem from error
        finally:
            self._readers.release()

    async def _take_turn(self) -> None:
        if not self._readers.locked():
            await self._readers.acquire()
            return
        asked = time.perf_counter()
        try:
            async with asyncio.timeout(POOL_SECONDS):
                await self._readers.acquire()
        except TimeoutError:
            raise Busy from None
        finally:
            self._pool.waits.observe(time.perf_counter() - asked)


@lru_cache(maxsize=1024)
def _compiled(statement: Select[*tuple[object, ...]], dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """Return the SQL of `statement` and the names of its parameters in the order of their numbers."""
    compiled = statement.compile(dialect=dialect)
    return str(compiled), tuple(compiled.positiontup or ())


@asynccontextmanager
async def transaction(sessions: Sessions) -> AsyncIterator[Session]:
    """Give a session whose work is committed at the end of the block, or rolled back when the block raises.

    Raises `Busy` (pool or lock timeout), `DatabaseUnavailable`, `ConstraintViolation`, or `OutcomeUnknown` when the
    connection broke during COMMIT.
    """
    session = sessions()
    try:
        try:
            yield session
        except BaseException as error:
            await _release(session)
            if (problem := as_problem(error)) is error:
                raise
            raise problem from error
        # What ran alone is stored already: a COMMIT of nothing would cost a twentieth of a create.
        await (_release if session.has_committed else _commit)(session)
    finally:
        await session.run_end_hooks()


async def _commit(session: Session) -> None:
    try:
        await session.commit()
        session.info["committed"] = True
    except Exception as error:
        problem = as_problem(error)
        if isinstance(problem, DatabaseUnavailable):
            raise OutcomeUnknown from error
        if problem is error:
            raise
        raise problem from error
    finally:
        await _release(session)


async def _release(session: Session) -> None:
    """Give the connection back, rolling back what is not committed."""
    try:
        await session.close()
    except (DBAPIError, OSError) as error:
        # The server rolls back by itself when the connection is gone; the client hears of what came before.
        structlog.get_logger().warning("rollback_failed", error=type(error).__name__)
