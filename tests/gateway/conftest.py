"""The real gateway between scripted upstreams."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.gateway.peers import Upstream, get
from tests.gateway.process import HASTY_SERVER, HASTY_SERVICE, Gateway, running_gateway

OneGateway = Callable[..., AbstractAsyncContextManager[Gateway]]


@pytest.fixture(scope="session")
def dead_port() -> Iterator[int]:
    """A port where connections are refused: taken, but nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="session")
def hole_port() -> Iterator[int]:
    """A port where connecting takes forever: its queue is full and nobody takes from it."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(hole.getsockname())
        yield hole.getsockname()[1]
        for filler in fillers:
            filler.close()


@pytest.fixture(scope="session")
async def upstream_server() -> AsyncIterator[Upstream]:
    async with Upstream().serving() as upstream:
        yield upstream


@pytest.fixture
def upstream(upstream_server: Upstream) -> Upstream:
    """The upstream behind /todos, /big, /read and /auth; it answers `ok` unless a test gives it another script."""
    upstream_server.forget()
    return upstream_server


@pytest.fixture(scope="session")
def upstream_ports(upstream_server: Upstream, dead_port: int, hole_port: int) -> dict[str, int]:
    """The ports of the services of a gateway, by their names in its configuration."""
    return {"PLAIN": upstream_server.port, "JAR": upstream_server.port, "DEAD": dead_port, "HOLE": hole_port}


@pytest.fixture(scope="session")
async def gateway_process(
    tmp_path_factory: pytest.TempPathFactory, upstream_ports: dict[str, int]
) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path_factory.mktemp("gateway"), upstream_ports) as gateway:
        yield gateway


@pytest.fixture(scope="session")
async def hasty_process(
    tmp_path_factory: pytest.TempPathFactory, upstream_ports: dict[str, int]
) -> AsyncIterator[Gateway]:
    folder = tmp_path_factory.mktemp("hasty")
    async with running_gateway(folder, upstream_ports, HASTY_SERVER, HASTY_SERVICE) as gateway:
        yield gateway


@pytest.fixture
async def one_gateway(tmp_path: Path, upstream: Upstream) -> OneGateway:
    """Run a gateway of a test's own, before the same upstream: `async with one_gateway(server, **variables)`."""
    ports = dict.fromkeys(("PLAIN", "JAR", "DEAD", "HOLE"), upstream.port)
    return partial(running_gateway, tmp_path, ports)


@pytest.fixture
async def gateway(gateway_process: Gateway, upstream: Upstream) -> Gateway:
    """The gateway, with the upstream reset and no kept connection that a test before has spoilt."""
    await gateway_process.ask(get())
    upstream.forget()
    return gateway_process


@pytest.fixture
async def hasty(hasty_process: Gateway, upstream: Upstream) -> Gateway:
    """One that soon has enough of a slow client or service. Whoever is quick may still be too slow for it."""
    await hasty_process.ask(get())
    upstream.forget()
    return hasty_process
