"""The composition root: puts the gateway together from its settings."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext

from fastapi import FastAPI
from starlette.types import ASGIApp

from gateway.client import UpstreamClient
from gateway.docs import docs_router
from gateway.documents import Documents
from gateway.edge import Edge
from gateway.locations import Locations
from gateway.metrics import CountingLog, requests_of
from gateway.passage import Passage
from gateway.settings import Environment, Settings, load_settings
from gateway.tokens import TokenCheck
from shared.drain import Drain, Draining
from shared.faults import install_problem_handlers
from shared.health import Health, Snapshot, health_router
from shared.lifespan import Opener, hears_stop, opens
from shared.logging import configure_logging
from shared.metrics import Metrics
from shared.paths import BothSpellings

__all__ = ["create_app"]


def create_app(settings: Settings | None = None) -> ASGIApp:
    """Return the gateway as an ASGI application; without `settings` they are read, and faults in them exit."""
    settings = settings or load_settings()
    environment, config = settings.environment, settings.config
    configure_logging("gateway", environment.log_level, environment.log_format)

    drain, requests = Drain(environment.drain_seconds), requests_of(config)
    access_log, tokens = CountingLog(environment, requests), TokenCheck(environment)
    clients = {name: UpstreamClient(upstream) for name, upstream in config.upstreams.items()}
    urls = [upstream.url for upstream in config.upstreams.values()]
    passage = Passage(clients, config.server, Locations(environment.public_url, urls, config.cors.origins))
    resources: dict[str, Opener] = {f"upstream_{name}": _opener(client) for name, client in clients.items()}
    resources["tokens"] = lambda _: tokens.following_keys()
    resources |= {"access_log": lambda _: access_log.running(), "streams": lambda _: _ending_streams(passage)}
    parts: dict[str, Snapshot] = {"keys": tokens.snapshot}
    # Last, so that the streams end when the draining is over.
    resources |= _watched(environment, drain, Metrics(requests, tokens), parts) | {
        "drain": lambda _: drain.delaying_stop()
    }
    edge = Edge(settings, _own_endpoints(settings, resources), passage, access_log, tokens=tokens)
    return Draining(edge, drain)


def _watched(
    environment: Environment, drain: Drain, metrics: Metrics, parts: Mapping[str, Snapshot]
) -> dict[str, Opener]:
    """Return what is told of this process at the admin port. Nothing but the draining makes it unready."""
    address, port = environment.admin_address, environment.admin_port
    return {
        "metrics": lambda _: nullcontext(metrics),
        "health": lambda _: Health.serve(address, port, drain.check, metrics=metrics, parts=parts),
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


def _opener(client: UpstreamClient) -> Opener:
    return lambda _: client
