"""The API process: `uvicorn --factory todo_service.main:create_app`."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from fastapi import FastAPI

from shared.body_limit import BodyLimit
from shared.database import Database
from shared.drain import Drain, Draining
from shared.faults import install_problem_handlers
from shared.health import Health
from shared.health_routes import router as health_router
from shared.logging import configure_logging
from shared.metrics import Metrics
from shared.paths import BothSpellings
from shared.redis import RedisClient
from shared.request_log import RequestLog
from shared.request_metrics import Requests
from shared.resources import opens
from shared.settings import load
from shared.tokens.opening import open_verifier
from todo_service.changes.announcing import Announcer
from todo_service.changes.events.hub import EventHub, Limits
from todo_service.changes.events.routes import router as events
from todo_service.changes.feed.routes import router as changes
from todo_service.changes.tickets import Tickets
from todo_service.changes.turns import Quota, Writers
from todo_service.settings import TodoSettings
from todo_service.tables import SCHEMA
from todo_service.todos.bulk.routes import PATH as BULK
from todo_service.todos.bulk.routes import router as bulk
from todo_service.todos.cache import PageCache
from todo_service.todos.list_routes import router as lists
from todo_service.todos.lists import TodoPages
from todo_service.todos.routes import router as todos

__all__ = ["create_app"]

PROCESS = "todo-service"
MAX_BODY_BYTES = 64 * 1024
MAX_BULK_BYTES = 512 * 1024

DESCRIPTION = """Your todos: create, list, search, change, delete and restore them.

Send the access token of the auth-service as `Authorization: Bearer …`. Nobody sees the todos of another user: what is
not yours does not exist. Every refusal is a problem (RFC 9457) with a stable `code`.
"""
TAGS = [
    {"name": "todos", "description": "Create, list, search, change and delete them, one by one or many at once."},
    {"name": "trash", "description": "What is deleted, until it is restored or gone for good."},
    {"name": "changes", "description": "For apps that keep a copy: what has changed, and word of it at once."},
]


def create_app(settings: TodoSettings | None = None) -> FastAPI:
    """Return the API of todos; without `settings` they are read from the environment, and a fault there ends it."""
    settings = settings or load(TodoSettings, PROCESS)
    configure_logging(PROCESS, settings.log_level, settings.log_format)
    drain, requests = Drain(settings.drain_seconds), Requests(streams={events.prefix})
    app = FastAPI(
        title="Todos",
        version="1.0.0",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        lifespan=_resources(settings, drain, requests),
        # First, and not included: FastAPI matches an included router twice (decision 0015).
        routes=lists.routes,
    )
    app.state.settings = settings
    # `bulk` before `todos`, whose `/todos/{todo_id}` would take its name for an id.
    for router in (bulk, todos, changes, events, health_router):
        app.include_router(router)
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, of_paths={BULK: MAX_BULK_BYTES})
    app.add_middleware(BothSpellings)
    app.add_middleware(RequestLog, trusts=settings.trusts, requests=requests)
    app.add_middleware(Draining, drain=drain)
    return app


def _resources(
    settings: TodoSettings, drain: Drain, requests: Requests
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return the lifespan: what the routes find in `app.state`."""

    reads_cache = settings.todo_cache == "on"
    quota = Quota(settings.max_todos, settings.max_rows)
    streams = Limits(settings.sse_per_user, settings.sse_per_process)
    redis_url = settings.redis_url.get_secret_value()
    return opens(
        database=lambda _: Database.open(settings.database_url.get_secret_value(), PROCESS, schema=SCHEMA),
        redis=lambda _: RedisClient.open(redis_url),
        pages=lambda state: nullcontext(TodoPages(state.database, PageCache(state.redis, reads=reads_cache))),
        writers=lambda state: nullcontext(Writers(Announcer(state.redis, state.pages.clear).write_ended, quota)),
        tickets=lambda state: nullcontext(Tickets(state.database.sessions)),
        verifier=lambda _: open_verifier(settings, redis_url),
        events=lambda state: EventHub.open(state.database, redis_url, state.verifier.revocations, streams),
        metrics=lambda state: nullcontext(
            Metrics(requests, state.database, state.redis, state.verifier, state.pages, state.events)
        ),
        health=lambda state: Health.serve(
            settings.admin_address,
            settings.admin_port,
            drain.check,
            state.database.check,
            metrics=state.metrics,
            parts={
                "postgres": state.database.snapshot,
                "redis": state.redis.snapshot,
                "keys": state.verifier.snapshot,
            },
            revocations=state.verifier.revocations.remark,
        ),
        drain=lambda _: drain.delaying_stop(),
    )
