"""The composition root: puts the gateway together from its settings."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway.configuration.settings import Environment, Settings, load_settings
from gateway.edge import Checks, Edge
from gateway.exchange.passage import Passage
from gateway.heads.locations import Locations
from gateway.limits import Limits
from gateway.metrics import CountingLog, UpstreamFigures, requests_of
from gateway.openapi.docs import docs_router
from gateway.openapi.documents import Documents
from gateway.tokens import TokenCheck
from gateway.upstreams.lookout import Resolve, resolve_by_system
from gateway.upstreams.tally import Tally
from gateway.upstreams.upstream import Upstream
from shared.drain import Drain, Draining
from shared.faults import install_problem_handlers
from shared.health import Health, Snapshot
from shared.health_routes import router as health_router
from shared.lifespan import hears_stop
from shared.logging import configure_logging
from shared.metrics import Measured, Metrics
from shared.paths import BothSpellings
from shared.redis import RedisClient
from shared.resources import Opener, opens

__all__ = ["create_app"]


def create_app(settings: Settings | None = None, resolve: Resolve = resolve_by_system) -> ASGIApp:
    """Return the gateway as an ASGI application; without `settings` they are read, and faults in them exit.

    `resolve` finds the addresses of the services.
    """
    settings = settings or load_settings()
    environment, config = settings.environment, settings.config
    configure_logging("gateway", environment.log_level, environment.log_format)

    drain, requests = Drain(environment.drain_seconds), requests_of(config)
    access_log = CountingLog(environment, requests)
    checks = Checks(TokenCheck(environment), Limits(settings))
    tally = Tally()
    upstreams = {name: Upstream(upstream, name, tally, resolve) for name, upstream in config.upstreams.items()}
    passage = Passage(upstreams, config, _locations(settings), tally)
    told = {name: upstream.snapshot for name, upstream in upstreams.items()} | {"keys": checks.tokens.snapshot}
    resources = (
        {f"upstream_{name}": _opener(upstream) for name, upstream in upstreams.items()}
        | _checking(environment, checks)
        | {"access_log": lambda _: access_log.running(), "streams": lambda _: _ending_streams(passage)}
        | _watched(environment, drain, [requests, *checks, UpstreamFigures(upstreams, tally, passage)], told)
        # Last, so that the streams end when the draining is over.
        | {"drain": lambda _: drain.delaying_stop()}
    )
    return Draining(Edge(settings, _own_endpoints(settings, resources), passage, access_log, checks), drain)


def _locations(settings: Settings) -> Locations:
    urls = [upstream.url for upstream in settings.config.upstreams.values()]
    return Locations(settings.environment.public_url, urls, settings.config.cors.origins)


def _checking(environment: Environment, checks: Checks) -> dict[str, Opener]:
    """Return what tokens and limits live on: the keys, and the Redis in which is counted, where there is one."""
    url = environment.redis_url
    return {
        "tokens": lambda _: checks.tokens.following_keys(),
        "redis": lambda _: nullcontext() if url is None else RedisClient.open(url.get_secret_value()),
        "limits": lambda state: checks.limits.counting_in(state.redis),
    }


def _watched(
    environment: Environment, drain: Drain, measured: Sequence[Measured], told: Mapping[str, Snapshot]
) -> dict[str, Opener]:
    """Return what is known of this process at the admin port. Nothing but the draining makes it unready."""
    return {
        "metrics": lambda state: nullcontext(Metrics(*measured, *([state.redis] if state.redis else []))),
        "health": lambda state: Health.serve(
            environment.admin_address,
            environment.admin_port,
            drain.check,
            metrics=state.metrics,
            parts={**told, **({"redis": state.redis.snapshot} if state.redis else {})},
        ),
    }


def _own_endpoints(settings: Settings, resources: dict[str, Opener]) -> FastAPI:
    """Return what the gateway answers itself. Its lifespan opens everything that runs beside requests."""
    config = settings.config
    own = FastAPI(title=config.docs.title, openapi_url=None, redirect_slashes=False)
    documents = Documents(config, own.openapi)
    own.router.lifespan_context = opens(
        documents=lambda _: documents.kept_fresh(),
        **resources,
    )
    install_problem_handlers(own)
    own.include_router(health_router)
    own.include_router(docs_router(config.docs.title, documents))
    own.add_middleware(BothSpellings)
    return own


@asynccontextmanager
async def _ending_streams(passage: Passage) -> AsyncIterator[None]:
    with hears_stop(passage.end_streams):
        yield


def _opener(upstream: Upstream) -> Opener:
    return lambda _: upstream
