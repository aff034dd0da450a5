"""What is learnt of a service's endpoints beside its requests: where they are, and whether they are ready."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

import httpx
import structlog

from gateway.upstreams.endpoint import Endpoint
from shared.lifespan import end, kept_running, pause

__all__ = ["Resolve", "keep_probed", "keep_resolved", "resolve_by_system"]

RESOLVE_SECONDS = 5.0
# A service's name may be there only once the service is.
RESOLVE_AGAIN_SECONDS = 1.0
PROBE_SECONDS = 2.0
PROBE_TIMEOUT_SECONDS = 1.0
WAIT_AT_START_SECONDS = 1.0

Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the addresses of a host name, or raises `OSError`."""


async def resolve_by_system(host: str) -> Sequence[str]:
    """Ask the operating system; on a machine without IPv6 there are no such addresses."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return [str(address[0]) for *_, address in found]


@asynccontextmanager
async def keep_resolved(url: str, resolve: Resolve, moved: Callable[[Sequence[str]], None]) -> AsyncIterator[None]:
    """While entered, tell `moved` the addresses of the host of `url` every five seconds; what fails tells nothing.

    Waits at the start until the first are there, for a second.
    """
    looked, is_known = asyncio.Event(), False

    async def look(stop: asyncio.Event) -> None:
        nonlocal is_known
        while not stop.is_set():
            try:
                moved(await resolve(urlsplit(url).hostname or ""))
                is_known = True
            except OSError as error:
                structlog.get_logger().warning("unresolved", url=url, error=str(error))
            looked.set()
            await pause(stop, RESOLVE_SECONDS if is_known else RESOLVE_AGAIN_SECONDS)

    async with _kept_running("resolver", look):
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_AT_START_SECONDS):
                await looked.wait()
        yield


@asynccontextmanager
async def keep_probed(url: str, endpoints: Callable[[], Sequence[Endpoint]]) -> AsyncIterator[None]:
    """While entered, ask each of the `endpoints` of the service at `url` every two seconds whether it is ready."""
    place = urlsplit(url)

    async def look(stop: asyncio.Event) -> None:
        # A connection for each check: it shows that new ones are taken. Certificates are read only for TLS.
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(trust_env=False, limits=limits, verify=place.scheme == "https") as client:
            while not stop.is_set():
                await asyncio.gather(*(_probe(client, place, endpoint) for endpoint in endpoints()))
                await pause(stop, PROBE_SECONDS)

    async with _kept_running("probes", look):
        yield


async def _probe(client: httpx.AsyncClient, place: SplitResult, endpoint: Endpoint) -> None:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            answer = await client.get(
                f"{endpoint.origin}/readyz", headers={"Host": place.netloc}, extensions={"sni_hostname": place.hostname}
            )
    except (httpx.HTTPError, TimeoutError):
        endpoint.checked(is_well=False)
        return
    # A service without this address is well: it says nothing about it.
    endpoint.checked(is_well=answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR)


@asynccontextmanager
async def _kept_running(name: str, loop: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator[None]:
    task = asyncio.create_task(kept_running(name, loop, asyncio.Event()), name=name)
    try:
        yield
    finally:
        await end(task)
