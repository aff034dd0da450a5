"""One todo-service in this process, its callers, and two rules that are watched while any test runs."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog
from fastapi import FastAPI
from jose import jwt
from sqlalchemy import event
from sqlalchemy.orm import Session

from todo_service.main import create_app
from todo_service.settings import TodoSettings

SECRET = "a secret of the tests that is long enough"
NOWHERE = "http://127.0.0.1:1/jwks.json"

SWEEPS = {"outbox_relay", "outbox_sweep", "trash_purge", "tombstone_purge", "sse_poll"}
HOUSEKEEPING = re.compile(r"BEGIN|COMMIT|ROLLBACK|SELECT version_num FROM alembic_version$")
CHANGES_TODOS = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) todos\b")


def settings(database_url: str, redis_url: str, **changes: Any) -> TodoSettings:
    """Return the settings of a service on these servers."""
    given: dict[str, Any] = {
        "environment": "development",
        "public_url": "http://localhost:8080",
        "database_url": database_url,
        "redis_url": redis_url,
        "auth_jwks_url": NOWHERE,
        "better_auth_secret": SECRET,
        "admin_port": 0,
        "log_level": "error",
    }
    return TodoSettings(**given | changes)


@asynccontextmanager
async def running(database_url: str, redis_url: str, **changes: Any) -> AsyncIterator[FastAPI]:
    """Give the app of the composition root, with its resources open."""
    app = create_app(settings(database_url, redis_url, **changes))
    async with app.router.lifespan_context(app):
        app.state.watch = Watch.over(app)
        yield app


def token(user_id: str, **claims: Any) -> str:
    """Return an access token as the guide mints one: python-jose, HS256, the shared secret."""
    content = {"sub": user_id, "email": f"{user_id}@example.com", "exp": int(time.time()) + 600, **claims}
    return jwt.encode({name: value for name, value in content.items() if value is not None}, SECRET, algorithm="HS256")


class Caller(httpx.AsyncClient):
    """A client that is logged in as one user, of whom no other test knows."""

    def __init__(self, app: FastAPI, user_id: str, **claims: Any) -> None:
        super().__init__(
            transport=httpx.ASGITransport(app=app),
            base_url="http://todo.test",
            headers={"Authorization": f"Bearer {token(user_id, **claims)}"},
        )
        self.user_id = user_id

    async def new(self, title: str = "Buy milk", **fields: Any) -> dict[str, Any]:
        """Create a todo and return it."""
        response = await self.post("/todos", json={"title": title, **fields})
        assert response.status_code == 201, response.text
        return response.json()

    async def titles(self, query: str = "") -> list[str]:
        """Return the titles of a list."""
        response = await self.get(f"/todos?{query}" if query else "/todos")
        assert response.status_code == 200, response.text
        return [todo["title"] for todo in response.json()]


@dataclass
class Watch:
    """Every statement of an app: it must name the caller, and may change todos only if their pages will be cleared."""

    statements: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def over(cls, app: FastAPI) -> "Watch":
        watch, engine = cls(), app.state.database.engine.sync_engine

        @event.listens_for(engine, "before_cursor_execute")
        def see(connection, cursor, statement, parameters, context, executemany):
            # The readiness check speaks without a session.
            session = connection.info.get("session")
            watch.see(statement, parameters, clears=bool(session and session.info.get("on_end")))

        @event.listens_for(engine, "connect")
        def see_driver(connection, record):
            connection.driver_connection.add_query_logger(lambda query: watch.see(query.query, query.args))

        return watch

    def see(self, statement: str, parameters: tuple[object, ...], *, clears: bool = False) -> None:
        if HOUSEKEEPING.match(statement):
            return
        self.statements.append(statement)
        caller = structlog.contextvars.get_contextvars().get("user")
        sweep = re.search(r"/\* sweep: (\w+) \*/", statement)
        if sweep is None and not ("user_id" in statement and caller in parameters):
            self.faults.append(f"names no owner ({caller}): {statement}")
        if sweep is not None and sweep[1] not in SWEEPS:
            self.faults.append(f"an unknown sweep: {statement}")
        if CHANGES_TODOS.search(statement) and not clears:
            self.faults.append(f"changes todos and clears no pages: {statement}")

    async def since(self, mark: int) -> list[str]:
        """Return the statements after the first `mark`."""
        # asyncpg tells of a statement in the next turn of the loop.
        await asyncio.sleep(0)
        return self.statements[mark:]


@event.listens_for(Session, "after_begin")
def _remember_session(session, transaction, connection):
    connection.info["session"] = session


def assert_problem(response: httpx.Response, kind: type[Any]) -> dict[str, Any]:
    """Assert that the answer is the problem `kind` and return its body."""
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    body = response.json()
    assert (response.status_code, body["code"]) == (kind.status, kind.code), body
    return body
