"""The composition root: puts the gateway together from its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from gateway.access_log import AccessLog
from gateway.docs import docs_router
from gateway.documents import Documents
from gateway.edge import Edge
from gateway.locations import Locations
from gateway.lookout import Resolve, resolve_by_system
from gateway.passage import Passage
from gateway.settings import Settings, load_settings
from gateway.upstream import Upstream
from shared.faults import install_problem_handlers
from shared.health import Health, health_router
from shared.lifespan import Opener, hears_stop, opens
from shared.logging import configure_logging
from shared.paths import BothSpellings

__all__ = ["create_app"]


def create_app(settings: Settings | None = None, resolve: Resolve = resolve_by_system) -> Edge:
    """Return the gateway as an ASGI application; without `settings` they are read, and faults in them exit.

    `resolve` finds the addresses of the services.
    """
    settings = settings or load_settings()
    environment, config = settings.environment, settings.config
    configure_logging("gateway", environment.log_level, environment.log_format)

    access_log = AccessLog(environment.log_level, environment.log_format)
    upstreams = {name: Upstream(upstream, resolve=resolve) for name, upstream in config.upstreams.items()}
    urls = [upstream.url for upstream in config.upstreams.values()]
    passage = Passage(upstreams, config, Locations(environment.public_url, urls, config.cors.origins))
    resources: dict[str, Opener] = {f"upstream_{name}": _opener(upstream) for name, upstream in upstreams.items()}
    resources |= {"access_log": lambda _: access_log.running(), "streams": lambda _: _ending_streams(passage)}
    return Edge(settings, _own_endpoints(settings, resources), passage, access_log)


def _own_endpoints(settings: Settings, resources: dict[str, Opener]) -> FastAPI:
    """What the gateway answers itself. Its lifespan opens everything that runs beside requests."""
    config = settings.config
    own = FastAPI(title=config.docs.title, openapi_url=None, redirect_slashes=False)
    documents = Documents(config, own.openapi)
    own.router.lifespan_context = opens(
        documents=lambda _: documents.kept_fresh(),
        health=lambda _: Health.serve(settings.environment.admin_address, settings.environment.admin_port),
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
