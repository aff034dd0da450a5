"""What the errors of PostgreSQL and its driver mean for whoever asked."""

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.problems import Busy, ConstraintViolation, DatabaseUnavailable, Problem

__all__ = ["as_problem", "means_away"]

BUSY = frozenset({"25P04", "40001", "40P01", "53300", "55P03", "57014"})
"""SQLSTATEs of a server that is there and could not do it now: timeouts, deadlocks, too many connections."""

AWAY = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "28000", "28P01", "3D000", "55000"})
"""SQLSTATEs of a server that is going, starting, has ended our connection, or lets us into no such database now."""

# The driver raises InternalClientError between the server's farewell and the end of the connection.
_OF_THE_LINE = (DBAPIError, OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def as_problem(error: BaseException) -> BaseException:
    """Return what the client should hear instead of `error`; `error` itself when it is no fault of the database."""
    if isinstance(error, PoolTimeout):
        return Busy()
    if isinstance(error, IntegrityError):
        return ConstraintViolation()
    if _sqlstate(error) in BUSY:
        return Busy()
    return DatabaseUnavailable() if means_away(error) else error


def means_away(error: BaseException) -> bool:
    """Whether `error` says that the server cannot be reached, or has ended our connection."""
    if isinstance(error, Problem):
        return False
    state = _sqlstate(error)
    if state is not None:
        is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
        return is_lost or state in AWAY or state.startswith("08")
    # The driver's own ValueErrors are our mistakes: an argument of the wrong type or number.
    return isinstance(error, _OF_THE_LINE) and not isinstance(error, ValueError)


def _sqlstate(error: BaseException) -> str | None:
    source = error.orig if isinstance(error, DBAPIError) else error
    return getattr(source, "sqlstate", None)
