"""Several replicas behind one name, and a gateway before them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.gateway.here import Names, config_of, gateway_here
from tests.gateway.peers import Upstream
from tests.gateway.process import Gateway

ADDRESSES = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


@asynccontextmanager
async def replicas(count: int) -> AsyncIterator[list[Upstream]]:
    """Serve at so many addresses with one port."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Upstream().serving(ADDRESSES[0]))
        others = [
            await stack.enter_async_context(Upstream().serving(address, first.port)) for address in ADDRESSES[1:count]
        ]
        yield [first, *others]


@asynccontextmanager
async def between(names: Names, port: int, **upstream: object) -> AsyncIterator[Gateway]:
    """Run a gateway whose route /todo goes to the name `todo`."""
    config = config_of({"todo": {"url": f"http://todo:{port}"} | upstream})
    async with gateway_here(config, names) as gateway:
        yield gateway
