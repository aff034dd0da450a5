"""The real gateway between scripted upstreams."""

import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.gateway.peers import Upstream, get
from tests.gateway.process import Gateway, running_gateway

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
async def gateway_process(
    tmp_path_factory: pytest.TempPathFactory, upstream_server: Upstream, dead_port: int, hole_port: int
) -> AsyncIterator[Gateway]:
    scripted = upstream_server.port
    ports = {"PLAIN": scripted, "JAR": scripted, "DEAD": dead_port, "HOLE": hole_port}
    async with running_gateway(tmp_path_factory.mktemp("gateway"), ports) as gateway:
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
