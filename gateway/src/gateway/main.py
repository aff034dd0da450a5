"""The composition root: puts the gateway together from its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway.docs import docs_router
from gateway.documents import Documents
from gateway.edge import Edge
from gateway.locations import Locations
from gateway.lookout import Resolve, resolve_by_system
from gateway.metrics import CountingLog, UpstreamFigures, requests_of
from gateway.passage import Passage
from gateway.settings import Environment, Settings, load_settings
from gateway.tally import Tally
from gateway.upstream import Upstream
from shared.drain import Drain, Draining
from shared.faults import install_problem_handlers
from shared.health import Health, health_router
from shared.lifespan import Opener, hears_stop, opens
from shared.logging import configure_logging
from shared.metrics import Metrics
from shared.paths import BothSpellings

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
    tally = Tally()
    upstreams = {name: Upstream(upstream, name, tally, resolve) for name, upstream in config.upstreams.items()}
    urls = [upstream.url for upstream in config.upstreams.values()]
    passage = Passage(upstreams, config, Locations(environment.public_url, urls, config.cors.origins), tally)
    resources: dict[str, Opener] = {f"upstream_{name}": _opener(upstream) for name, upstream in upstreams.items()}
    resources |= {"access_log": lambda _: access_log.running(), "streams": lambda _: _ending_streams(passage)}
    # Last, so that the streams end when the draining is over.
    metrics = Metrics(requests, UpstreamFigures(upstreams, tally, passage))
    resources |= _watched(environment, drain, metrics) | {"drain": lambda _: drain.delaying_stop()}
    edge = Edge(settings, _own_endpoints(settings, resources), passage, access_log)
    return Draining(edge, drain)


def _watched(environment: Environment, drain: Drain, metrics: Metrics) -> dict[str, Opener]:
    """Return what is told of this process at the admin port. Nothing but the draining makes it unready."""
    address, port = environment.admin_address, environment.admin_port
    return {
        "metrics": lambda _: nullcontext(metrics),
        "health": lambda _: Health.serve(address, port, drain.check, metrics=metrics),
    }


def _own_endpoints(settings: Settings, resources: dict[str, Opener]) -> FastAPI:
    """What the gateway answers itself. Its lifespan opens everything that runs beside requests."""
    config = settings.config
    own = FastAPI(title=config.docs.title, openapi_url=None, redirect_slashes=False)
    documents = Documents(config, own.openapi)
    own.router.lifespan_context = opens(
        documents=lambda _: documents.kept_fresh(),
        **resources,
    )
    install_problem_handlers(own)
    own.include_router(health_router())
    own.include_router(docs_router(config.docs.title, documents))
    own.add_middleware(BothSpellings)
    return own


@asynccontextmanager
async def _ending_streams(passage: Passage) -> AsyncIterator[None]:
    with hears_stop(passage.end_streams):
        yield


def _opener(upstream: Upstream) -> Opener:
    return lambda _: upstream
